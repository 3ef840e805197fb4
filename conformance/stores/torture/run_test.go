package torture

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/session"
)

const (
	maxSessions = 50
	accounts    = 8
	processes   = 2
)

// A run tortures one backend.
type run struct {
	*ledger

	tb        testing.TB
	name      string // of the backend, and how it is set up
	backend   *backends.Backend
	apps      []*process
	transport http.RoundTripper
	deadline  time.Time
	between   time.Duration // two faults of all applications, at most
	broken    atomic.Bool   // a fault could not be made, or undone
	occur     []fault       // what may happen
	strict    bool          // being late is a violation, too
	enough    []string      // violations of which one ends the run
	noticed   atomic.Bool   // one of them was found

	later sync.WaitGroup // what visitors do while they have begun something else

	losses  atomic.Int64 // counts the beginnings and the ends of faults by which the backend may lose data
	checked atomic.Int64 // acknowledged changes that were looked for
	stolen  atomic.Int64 // old cookies that were presented
	acted   atomic.Int64 // how often an administrator has acted as a visitor

	mu       sync.Mutex
	requests int
	statuses map[string]int
	late     int
	slowest  time.Duration
	found    map[string][]string // violations by kind
	lost     map[string]int      // violations that the backend's loss explains
}

// newRun starts the applications, each with its own way to the server, where there is one.
func newRun(tb testing.TB, b *backends.Backend, l *ledger, places []backends.Place, bug string) *run {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(transport.CloseIdleConnections)
	r := &run{
		tb: tb, name: b.Name, backend: b, transport: transport, ledger: l,
		statuses: make(map[string]int), found: make(map[string][]string), lost: make(map[string]int),
	}
	key := session.FormatKey(session.GenerateKey())
	for _, place := range places {
		r.apps = append(r.apps, start(tb, config{Place: place, Key: key, Planted: bug, Lists: b.Lists}))
	}
	return r
}

func (r *run) over() bool {
	return r.broken.Load() || r.noticed.Load() || time.Now().After(r.deadline)
}

// pause waits as somebody does before they try again.
func (r *run) pause() { r.sleep(50 * time.Millisecond) }

func (r *run) site() *url.URL {
	u, err := url.Parse(r.apps[0].url)
	if err != nil {
		panic(err) // it is our own
	}
	return u
}

// torture lets visitors and faults loose for some time.
func (r *run) torture(d time.Duration) {
	r.deadline, r.between = time.Now().Add(d), min(2*time.Second, d/20)
	var wg sync.WaitGroup
	for i := range accounts {
		a := &account{name: fmt.Sprintf("visitor%d", i), run: r}
		for j := range 2 {
			a.browsers = append(a.browsers, &browser{account: a, name: fmt.Sprintf("%s.%d", a.name, j)})
		}
		for j, b := range a.browsers {
			wg.Go(func() { b.live(uint64(10*i + j)) })
		}
	}
	if r.backend.Lists { // else a visitor can't end what an administrator does as them
		wg.Go(func() { r.administers(1) })
	}
	wg.Go(r.disturb)
	wg.Wait()
	r.later.Wait()
}

// count notes what became of a request to an application.
func (r *run) count(app int, path string, a answer, cancelled bool) {
	calm := false
	if !cancelled || a.status != 0 {
		calm = r.met(app, a)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.requests++
	status := strconv.Itoa(a.status)
	switch {
	case a.status == 0 && cancelled:
		status = "cancelled"
	case a.status == 0:
		status = "none"
	case a.status == http.StatusInternalServerError:
		r.find("500", path)
	}
	r.statuses[status]++
	r.slowest = max(r.slowest, a.took)
	if a.took > storeTimeout+time.Second {
		r.late++
	}
	if calm && a.failed() && r.strict {
		r.find("not recovered", fmt.Sprintf("%s, sent at %s: %s after %v: %s",
			path, a.sent.Format(time.StampMicro), status, a.took, a.reason))
	}
}

// locked notes that a visitor is refused again and again.
func (r *run) locked(who, path, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.find("locked out", fmt.Sprintf("%s: %s is refused %d times in a row: %s", who, path, patience, why))
}

// violation notes what must not be, unless the backend may have lost data since the life
// began, or while it did.
func (r *run) violation(l *life, kind, text string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := r.losses.Load(); n != l.losses || n%2 == 1 {
		r.lost[kind]++
		return
	}
	r.find(kind, text)
}

// find notes a violation, unless there are many of the kind. r.mu is locked.
func (r *run) find(kind, text string) {
	if len(r.found[kind]) < 20 {
		r.found[kind] = append(r.found[kind], text)
	}
	if slices.Contains(r.enough, kind) {
		r.noticed.Store(true)
	}
}

// kinds returns which violations were found.
func (r *run) kinds() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	var kinds []string
	for kind := range r.found {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

// routines asks an application how many goroutines it has.
func (r *run) routines(app *process) (int, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	a, err := fetch(ctx, &http.Client{Transport: r.transport}, app.url+"/read")
	if err == nil && !a.ok() {
		err = fmt.Errorf("status %d", a.status)
	}
	return a.page.Routines, err
}

// report prints the table of a run.
func (r *run) report(t *testing.T) {
	t.Helper()
	r.mu.Lock()
	defer r.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d requests (%v), %d changes looked for, %d old cookies presented, %d times acted as a visitor, ",
		r.name, r.requests, r.statuses, r.checked.Load(), r.stolen.Load(), r.acted.Load())
	fmt.Fprintf(&b, "%d late, the slowest took %v\n", r.late, r.slowest.Round(time.Millisecond))
	if n := r.losses.Load() / 2; n > 0 {
		fmt.Fprintf(&b, "  the backend may have lost data %d times, which explains %v\n", n, r.lost)
	}
	b.WriteString(r.table())
	t.Log(b.String())
	for _, kind := range sortedKeys(r.found) {
		for _, text := range r.found[kind] {
			t.Errorf("%s: %s", kind, text)
		}
	}
}

func sortedKeys[V any](m map[string]V) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
