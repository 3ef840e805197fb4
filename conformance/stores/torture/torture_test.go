package torture

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestMain(m *testing.M) {
	if text := os.Getenv(childOf); text != "" {
		if err := runApp(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	leaks.Exit(m, servers.Begin())
}

// TestTorture lets visitors and faults loose on every backend.
//
//nolint:paralleltest // each keeps the machine busy
func TestTorture(t *testing.T) {
	d, long := howLong(t)
	for _, b := range backends.All {
		t.Run(b.Name, func(t *testing.T) {
			r := tortured(t, b, "")
			r.strict = long
			r.run(t, d)
		})
	}
	for _, s := range severals {
		if !long && !s.cheap {
			continue
		}
		t.Run(s.name, func(t *testing.T) {
			l := newLedger()
			places, faults := s.start(t, l)
			r := newRun(t, backends.Named(t, s.backend), l, places, "")
			r.name, r.strict = s.name, long
			r.occur = append([]fault{r.killed()}, faults...)
			r.run(t, d)
		})
	}
}

// howLong returns how long each store is tortured, and whether that is what make torture
// has asked for: it also does what takes minutes to begin, or to be found.
func howLong(t *testing.T) (d time.Duration, long bool) {
	t.Helper()
	text := os.Getenv("CLOAKROOM_TORTURE")
	if text == "" {
		return 5 * time.Second, false
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d, true
}

// run tortures for some time, and prints what has come of it.
func (r *run) run(t *testing.T, d time.Duration) {
	t.Helper()
	r.torture(d)
	r.settle()
	r.report(t)
}

// tortured starts a backend of the test's own, and the applications on it.
func tortured(t *testing.T, b *backends.Backend, bug string) *run {
	t.Helper()
	place := backends.Place{Backend: b.Name, Name: "sessions", Address: filepath.Join(t.TempDir(), "sessions")}
	own := damages[b.Name]
	var server *servers.Server
	var line cable
	l := newLedger()
	if own.oneIn > 0 {
		l.oneIn, l.cuts = own.oneIn, own.cuts
	}
	if b.Server != nil {
		server = servers.Own(t, b.Server, own.args...)
		place.Address = server.URL + own.settings
		line = newCable(t, l, hostPort.FindString(server.URL))
	}
	r := newRun(t, b, l, line.places(place), bug)
	r.occur = []fault{r.killed()}
	if line != nil {
		r.occur = append(line.faults(), r.occur...)
	}
	if own.faults != nil {
		r.occur = append(r.occur, own.faults(t, server, place)...)
	}
	return r
}

var hostPort = regexp.MustCompile(`127\.0\.0\.1:\d+`)

// settle waits until the applications are as they were: nothing has grown.
func (r *run) settle() {
	if r.broken.Load() {
		return
	}
	r.deadline = time.Now().Add(time.Minute)
	for _, app := range r.apps {
		for {
			resp, err := r.routines(app)
			if err == nil && resp < 100 {
				break
			}
			if r.over() {
				r.tb.Errorf("an application has %d goroutines a minute after the last fault (%v)", resp, err)
				return
			}
			r.pause()
		}
	}
}
