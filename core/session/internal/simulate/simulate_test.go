package simulate_test

import (
	"flag"
	"fmt"
	"strings"
	"testing"
	"testing/cryptotest"
	"testing/synctest"
)

var (
	seeds    = flag.Int("seeds", 200, "how many runs")
	seed     = flag.Uint64("seed", 0, "the seed of the first run; alone, the only one, and its trace is printed")
	requests = flag.Int("requests", 0, "how many requests a run has, in the place of what the seed says")
	all      = flag.Bool("all", false, "go on after a breach, and list the seeds by rule")
	ignore   = flag.String("ignore", "", "rules that aren't judged, separated by commas")
)

// Any number of visitors, servers, faults and lost answers: nobody is signed out who
// need not be, nothing is lost, made twice, crossed or brought back.
func TestSimulation(t *testing.T) { //nolint:paralleltest // the random numbers are the process's
	if set("seed") && !set("seeds") {
		if b, trace := simulate(t, *seed, *requests, true); b != nil {
			t.Errorf("%s: %s\n%s", b.rule, b.text, trace)
		} else {
			t.Log("no rule is broken\n" + trace)
		}
		return
	}
	found := make(map[string][]uint64)
	for n := range uint64(*seeds) {
		if b, _ := simulate(t, *seed+n, *requests, false); b != nil {
			if !*all {
				report(t, *seed+n, b)
				return
			}
			found[b.rule] = append(found[b.rule], *seed+n)
		}
	}
	for rule, seeds := range found {
		t.Errorf("%-12s %d: %v", rule, len(seeds), seeds[:min(len(seeds), 12)])
	}
}

func set(name string) (found bool) {
	flag.Visit(func(f *flag.Flag) { found = found || f.Name == name })
	return found
}

// report shows the shortest run of a seed that breaks the same rule.
func report(t *testing.T, seed uint64, b *breach) {
	t.Helper()
	for n := 1; n < 40; n++ {
		if short, trace := simulate(t, seed, n, true); short != nil && short.rule == b.rule {
			t.Errorf("%s: %s\nreplay: go test -run TestSimulation -seed %d -requests %d\n%s", short.rule, short.text, seed, n, trace)
			return
		}
	}
	_, trace := simulate(t, seed, 0, true)
	t.Errorf("%s: %s\nreplay: go test -run TestSimulation -seed %d\n%s", b.rule, b.text, seed, trace)
}

// simulate makes one run.
func simulate(t *testing.T, seed uint64, requests int, traced bool) (b *breach, trace string) {
	t.Helper()
	t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
		cryptotest.SetGlobalRandom(t, seed)
		synctest.Test(t, func(*testing.T) {
			w := newWorld(seed, requests, traced)
			w.run()
			b, trace = w.judge.breach, strings.Join(w.trace.lines, "\n")
			w.abandon()
		})
	})
	return b, trace
}

func TestTheSameSeedGivesTheSameRun(t *testing.T) { //nolint:paralleltest // the random numbers are the process's
	for seed := range uint64(50) {
		_, first := simulate(t, seed, 0, true)
		if _, second := simulate(t, seed, 0, true); first != second {
			t.Errorf("seed %d: two traces", seed)
		}
	}
}
