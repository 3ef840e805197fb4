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
	accounts    = 5
	processes   = 2
)

// A run tortures one backend.
type run struct {
	tb        testing.TB
	name      string // of the backend, and how it is set up
	backend   *backends.Backend
	apps      []*process
	transport http.RoundTripper
	deadline  time.Time
	occur     []fault // what may happen

	fault   atomic.Pointer[occasion]
	losses  atomic.Int64 // counts the beginnings and the ends of faults by which the backend may lose data
	checked atomic.Int64 // acknowledged changes that were looked for
	stolen  atomic.Int64 // old cookies that were presented
	acted   atomic.Int64 // how often an administrator has acted as a visitor

	mu       sync.Mutex
	requests int
	statuses map[string]int
	late     int
	slowest  time.Duration
	faults   map[string]*tally
	found    map[string][]string // violations by kind
	lost     map[string]int      // violations that the backend's loss explains
}

// A tally counts what a kind of fault has done.
type tally struct {
	occasions int
	loses     bool          // the backend may lose what it has acknowledged
	observed  int           // requests that overlapped it and failed
	delayed   int           // requests that overlapped it and took long
	recovery  time.Duration // the longest until a request was answered again
}

// An occasion is one fault, from its beginning to its end.
type occasion struct {
	kind  string
	began time.Time
	ended time.Time
}

// newRun starts the applications. The address that they are given is not the server's
// own, where there is one: a proxy is between them.
func newRun(tb testing.TB, b *backends.Backend, place backends.Place, bug string) *run {
	tb.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	tb.Cleanup(transport.CloseIdleConnections)
	r := &run{
		tb: tb, name: b.Name, backend: b, transport: transport,
		statuses: make(map[string]int), faults: make(map[string]*tally), found: make(map[string][]string),
		lost: make(map[string]int),
	}
	key := session.FormatKey(session.GenerateKey())
	for range processes {
		r.apps = append(r.apps, start(tb, config{Place: place, Key: key, Planted: bug, Lists: b.Lists}))
	}
	return r
}

func (r *run) over() bool { return time.Now().After(r.deadline) }

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
func (r *run) torture(d time.Duration, faults []fault) {
	r.deadline = time.Now().Add(d)
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
	wg.Go(func() { r.disturb(faults) })
	wg.Wait()
}

// count notes what became of a request.
func (r *run) count(path string, a answer, cancelled bool) {
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
		r.found["500"] = append(r.found["500"], path)
	}
	r.statuses[status]++
	r.slowest = max(r.slowest, a.took)
	if a.took > storeTimeout+time.Second {
		r.late++
	}
	o := r.fault.Load()
	if o == nil || cancelled {
		return
	}
	switch t := r.faults[o.kind]; {
	case a.status != http.StatusOK && a.status != http.StatusConflict:
		t.observed++
	case !o.ended.IsZero() && a.sent.After(o.ended):
		t.recovery = max(t.recovery, time.Since(o.ended))
		r.fault.CompareAndSwap(o, nil)
	case a.took > 100*time.Millisecond:
		t.delayed++
	}
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
	if len(r.found[kind]) < 20 {
		r.found[kind] = append(r.found[kind], text)
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
	total, delayed := 0, 0
	for _, kind := range sortedKeys(r.faults) {
		f := r.faults[kind]
		total, delayed = total+f.observed, delayed+f.delayed
		if f.loses {
			kind += ", may lose"
		}
		fmt.Fprintf(&b, "  %-32s %5d times, %6d requests failed, %6d were late, answered again within %v\n",
			kind, f.occasions, f.observed, f.delayed, f.recovery.Round(time.Millisecond))
	}
	fmt.Fprintf(&b, "  %-32s %12s %6d requests failed, %6d were late", "in all", "", total, delayed)
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
