package conformance

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// defaultDeadline is what Harness.Deadline is if it is not set. Nothing else tells a
// store that hangs from a machine that is very busy.
const defaultDeadline = 30 * time.Second

// wholeCase is how many deadlines a case may take in all, calls that return included.
const wholeCase = 10

// run runs one case under tb, in a goroutine that can be left behind if the store hangs.
func (s *suite) run(tb testing.TB, c testCase) {
	tb.Helper()
	if c.needs != "" && !s.has(c.needs) {
		if slices.Contains(s.Require, c.needs) {
			tb.Fatalf("%T is no sessionstore.%s, but Harness.Require demands it\nrule: %s", unwatched(s.store), c.needs, c.rule)
		}
		tb.Skipf("not applicable: %T is no sessionstore.%s", unwatched(s.store), c.needs)
	}
	ctx, cancel := context.WithCancel(tb.Context())
	defer cancel()
	own := &caseTB{TB: tb, ctx: ctx, calls: &calls{moved: time.Now()}}
	t := &tester{TB: own, suite: s.watched(own), own: own}
	done := make(chan struct{})
	go func() {
		defer close(done)
		c.run(t)
	}()
	if hung := own.wait(done, s.deadline()); hung != "" {
		own.leave(hung)
		name := tb.Name()
		s.hangs.Store(&name)
	} else {
		own.tidy(s.deadline())
	}
	own.conclude(c.rule)
}

// runQuiet is run for cases that are run one by one. A store that hangs in one, because a call
// has left a lock behind, does so in each: to wait for all would take so long that go test
// gives up, and prints nothing of what the cases have said.
func (s *suite) runQuiet(tb testing.TB, c testCase) {
	tb.Helper()
	if name := s.hangs.Load(); name != nil {
		tb.Skipf("not run, because the store hangs: see %s", *name)
	}
	s.run(tb, c)
}

func (s *suite) deadline() time.Duration {
	if s.Deadline > 0 {
		return s.Deadline
	}
	return defaultDeadline
}

// watched returns the suite as a case has it, which notes every call.
func (s *suite) watched(c *caseTB) *suite {
	w := *s
	w.store, w.Harness = c.calls.watch(s.store, ""), c.harness(s.Harness)
	if s.peer != nil {
		w.peer = c.calls.watch(s.peer, "peer ")
	}
	return &w
}

// A caseTB is the testing.TB of a case. It can be left behind: what the case does from
// then on, in a call that returns after all, is no longer heard.
type caseTB struct {
	testing.TB

	ctx   context.Context //nolint:containedctx // it is what Context returns
	calls *calls

	listensAgain bool // a Watch that has lost reports begins the case again

	mu      sync.Mutex
	left    bool
	ended   bool   // by FailNow
	skipped bool   // by SkipNow
	setUp   string // what is being set up, or was when the case ended
	tidies  []func()
}

// wait returns when the case is over, or with what it hangs in.
func (c *caseTB) wait(done <-chan struct{}, deadline time.Duration) string {
	start := time.Now()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	for {
		select {
		case <-done:
			return ""
		case <-timer.C:
		}
		moved, call := c.calls.since()
		still := time.Since(moved)
		whole := time.Until(start.Add(wholeCase * deadline))
		switch {
		case still >= deadline && call != "":
			return fmt.Sprintf("%s has not returned after %v", call, still.Round(time.Second))
		case still >= deadline:
			return fmt.Sprintf("the case makes no call of the store and has not ended after %v: %s", still.Round(time.Second), c.doing())
		case whole <= 0:
			return fmt.Sprintf("the case has not ended after %v, though calls of the store return", wholeCase*deadline)
		}
		timer.Reset(max(min(deadline-still, whole), time.Millisecond))
	}
}

// doing says what a case does that calls no store.
func (c *caseTB) doing() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.setUp != "" {
		return c.setUp + " has not returned"
	}
	return "a lock that a call has left behind?"
}

// leave leaves the case behind.
func (c *caseTB) leave(hung string) {
	c.Helper()
	c.calls.end()
	c.mu.Lock()
	defer c.mu.Unlock()
	c.TB.Errorf("the store hangs: %s", hung)
	c.left = true
}

// tidied has f called when the case is over.
func (c *caseTB) tidied(f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tidies = append(c.tidies, f)
}

// attempt returns a function that removes what the case has written since attempt was
// called.
func (c *caseTB) attempt() (undo func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := len(c.tidies)
	return func() {
		c.mu.Lock()
		tidies := c.tidies[begun:]
		c.mu.Unlock()
		for _, f := range tidies {
			f()
		}
	}
}

// tidy removes what the case has written. It is bounded: whether Delete works is for
// the cases of Delete to say.
func (c *caseTB) tidy(deadline time.Duration) {
	c.mu.Lock()
	tidies := c.tidies
	c.mu.Unlock()
	done := make(chan struct{})
	go func() {
		defer close(done)
		var wg sync.WaitGroup
		for n := range racers {
			wg.Go(func() {
				for i := n; i < len(tidies); i += racers {
					tidies[i]()
				}
			})
		}
		wg.Wait()
	}()
	timer := time.NewTimer(deadline)
	defer timer.Stop()
	select {
	case <-done:
	case <-timer.C:
	}
}

// conclude ends the test as the case wanted, and says in which rule it failed.
func (c *caseTB) conclude(rule string) {
	c.Helper()
	c.mu.Lock()
	c.left = true
	ended, skipped, setUp := c.ended, c.skipped, c.setUp
	c.mu.Unlock()
	if p := c.calls.firstPanic(); p != "" {
		c.TB.Errorf("the store panics in %s", p)
	}
	if c.TB.Failed() {
		if setUp != "" {
			c.TB.Logf("no rule was judged: %s is what this case needs first", setUp)
		} else {
			c.TB.Logf("rule: %s", rule)
		}
		if s := c.calls.String(); s != "" {
			c.TB.Log(s)
		}
		c.TB.Logf("this case alone: go test -run '%s'", pattern(c.Name()))
	}
	switch {
	case ended:
		c.TB.FailNow()
	case skipped:
		c.TB.SkipNow()
	}
}

// pattern returns what -run has to be for one test. It stands in single quotes, which an
// apostrophe of the name would end.
func pattern(name string) string {
	return "^" + strings.NewReplacer("/", "$/^", "'", ".").Replace(name) + "$"
}

// enter says what is being set up, until what it returns is called: a case that ends
// meanwhile has judged nothing.
func (c *caseTB) enter(what string) (leave func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.setUp = what
	return func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if !c.ended {
			c.setUp = ""
		}
	}
}

// harness returns h with functions that are named while they run, and whose stores are
// watched.
func (c *caseTB) harness(h Harness) Harness {
	if f := h.Isolated; f != nil {
		h.Isolated = func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			defer c.enter("Harness.Isolated")()
			return c.calls.watch(given(tb, "Isolated", f(tb)), "isolated ")
		}
	}
	if f := h.Pair; f != nil {
		h.Pair = func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			defer c.enter("Harness.Pair")()
			store, peer = f(tb)
			return c.calls.watch(given(tb, "Pair", store), "paired "), c.calls.watch(given(tb, "Pair", peer), "paired peer ")
		}
	}
	if f := h.Stall; f != nil {
		h.Stall = func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			defer c.enter("Harness.Stall")()
			return c.calls.watch(given(tb, "Stall", f(tb)), "stalled ")
		}
	}
	if f := h.Full; f != nil {
		h.Full = func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
			tb.Helper()
			defer c.enter("Harness.Full")()
			return c.calls.watch(given(tb, "Full", f(tb, id, r)), "full ")
		}
	}
	if f := h.Outage; f != nil {
		h.Outage = func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			defer c.enter("Harness.Outage")()
			s, driver := f(tb)
			if driver == nil {
				tb.Fatal("Harness.Outage has returned no error of the driver")
			}
			return c.calls.watch(given(tb, "Outage", s), "unreachable "), driver
		}
	}
	if f := h.Corrupt; f != nil {
		h.Corrupt = func(tb testing.TB, id string) {
			tb.Helper()
			defer c.enter("Harness.Corrupt")()
			f(tb, id)
		}
	}
	if f := h.Misplace; f != nil {
		h.Misplace = func(tb testing.TB, from, to string) {
			tb.Helper()
			defer c.enter("Harness.Misplace")()
			f(tb, from, to)
		}
	}
	return h
}

func (c *caseTB) Context() context.Context { return c.ctx }

// heard calls do unless the case was left behind.
func (c *caseTB) heard(do func()) {
	c.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.left {
		do()
	}
}

func (c *caseTB) Failed() bool { return c.TB.Failed() }

func (c *caseTB) Log(args ...any) {
	c.Helper()
	c.heard(func() { c.Helper(); c.TB.Log(args...) })
}

func (c *caseTB) Logf(f string, args ...any) {
	c.Helper()
	c.heard(func() { c.Helper(); c.TB.Logf(f, args...) })
}
func (c *caseTB) Fail() { c.heard(c.TB.Fail) }
func (c *caseTB) Error(args ...any) {
	c.Helper()
	c.heard(func() { c.Helper(); c.TB.Error(args...) })
}

func (c *caseTB) Errorf(f string, args ...any) {
	c.Helper()
	c.heard(func() { c.Helper(); c.TB.Errorf(f, args...) })
}
func (c *caseTB) Fatal(args ...any)            { c.Helper(); c.Error(args...); c.FailNow() }
func (c *caseTB) Fatalf(f string, args ...any) { c.Helper(); c.Errorf(f, args...); c.FailNow() }
func (c *caseTB) Skip(args ...any)             { c.Helper(); c.Log(args...); c.SkipNow() }
func (c *caseTB) Skipf(f string, args ...any)  { c.Helper(); c.Logf(f, args...); c.SkipNow() }

func (c *caseTB) FailNow() {
	c.Helper()
	c.heard(func() { c.ended = true; c.TB.Fail() })
	runtime.Goexit()
}

func (c *caseTB) SkipNow() {
	c.heard(func() { c.skipped = true })
	runtime.Goexit()
}
