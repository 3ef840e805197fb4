package simulate_test

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// setClock has the package ask for the time. It is nil unless the package was changed
// for that: what is published has no such hook.
var setClock func(func() time.Time)

// clockHook is that change, and what a test file of this package needs for it.
var (
	clockHook = planted{
		undoes: "there is one clock", file: "session/load.go",
		was: "func wallNow() time.Time { return time.Now().Round(0).UTC() }",
		is: "func wallNow() time.Time { return Clock().Round(0).UTC() }\n\n" +
			"// Clock is the simulation's.\nvar Clock = time.Now\n",
	}
	clockHookTest = `package simulate_test

import (
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func init() { setClock = func(now func() time.Time) { session.Clock = now } }
`
)

// Likewise, where the processes' clocks, and the store's, are up to five minutes apart.
// Timeouts are shorter or longer by as much, and no less is promised otherwise, but for
// RenewGrace.
func TestSimulationWithClocksApart(t *testing.T) {
	t.Parallel()
	binary := clockHook.build(t, map[string]string{"clock_hook_test.go": clockHookTest})
	args := []string{"-test.run", "^TestSimulation$", "-seeds", strconv.Itoa(*seeds)}
	if set("seed") {
		args = append(args, "-seed", strconv.FormatUint(*seed, 10))
		if !set("seeds") {
			args = append(args[:2], args[4:]...)
		}
	}
	if *all {
		args = append(args, "-all")
	}
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, out)
	} else {
		t.Logf("%s", out)
	}
}

// planClocks sets the clocks of the servers. Two of them, or one and the store's, are
// not further apart than the package allows for.
func (p *plan) planClocks(rng *rand.Rand) {
	p.apart = pick(rng, time.Second, time.Minute, lasting/2)
	other := pick(rng, p.apart, -p.apart)
	for range p.servers {
		p.clocks = append(p.clocks, pick(rng, 0, other))
	}
}

// enterServer notes on which server this goroutine runs.
func (w *world) enterServer(s *server) {
	if setClock != nil {
		w.onServer.Store(goroutine(), s)
	}
}

// now returns the time of the server that asks.
func (w *world) now() time.Time {
	now := time.Now()
	if s, ok := w.onServer.Load(goroutine()); ok {
		now = now.Add(s.(*server).ahead) //nolint:errcheck,forcetypeassert // nothing else is stored
	}
	return now
}

// goroutine returns the number of the goroutine that calls it: the package has no other
// way to say for which server it asks.
func goroutine() string {
	var b [64]byte
	text := b[:runtime.Stack(b[:], false)]
	number, _, _ := bytes.Cut(bytes.TrimPrefix(text, []byte("goroutine ")), []byte(" "))
	return string(number)
}
