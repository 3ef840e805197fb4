package deadline_test

import (
	"context"
	"errors"
	"os"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
	"github.com/cloakroom-go/cloakroom/core/internal/leaks"
)

func TestMain(m *testing.M) { os.Exit(leaks.Run(os.Stderr, m.Run)) }

type key struct{}

var (
	_ context.Context = (*deadline.Context)(nil)

	kinds = map[string]func(context.Context, time.Time, any) *deadline.Context{
		"New": deadline.New, "NewCancellable": deadline.NewCancellable,
	}
)

func TestAContextEndsAtItsDeadline(t *testing.T) {
	t.Parallel()
	for name, newContext := range kinds {
		synctest.Test(t, func(t *testing.T) {
			parent, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			for _, wait := range []time.Duration{time.Second, time.Hour} { // the parent's minute is earlier
				start := time.Now()
				c := newContext(parent, start.Add(wait), nil)
				want := min(wait, time.Minute)
				if at, ok := c.Deadline(); !ok || at.Sub(start) != want && wait == time.Second {
					t.Errorf("%s: Deadline is %v, %v", name, at, ok)
				}
				if err := c.Err(); err != nil {
					t.Errorf("%s: %v before the deadline", name, err)
				}
				<-c.Done()
				if err := c.Err(); !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%s: %v at the deadline", name, err)
				}
				if took := time.Since(start); took > want {
					t.Errorf("%s: done after %v, want %v", name, took, want)
				}
				c.Release()
			}
		})
	}
}

// Nobody waited for it, so it has no timer.
func TestErrKnowsTheDeadlineWithoutATimer(t *testing.T) {
	t.Parallel()
	for name, newContext := range kinds {
		c := newContext(t.Context(), time.Now().Add(-time.Second), nil)
		if err := c.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v", name, err)
		}
		select {
		case <-c.Done():
		default:
			t.Errorf("%s: Err says that it is done, and Done that it is not", name)
		}
		c.Release()
		if err := c.Err(); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v once released", name, err)
		}
	}
}

func TestOnlyNewIgnoresItsParentsEnd(t *testing.T) {
	t.Parallel()
	for name, newContext := range kinds {
		for _, waits := range []bool{true, false} {
			synctest.Test(t, func(t *testing.T) {
				parent, cancel := context.WithCancel(t.Context())
				c := newContext(parent, time.Now().Add(time.Hour), nil)
				defer c.Release()
				if waits {
					_ = c.Done()
				}
				cancel()
				synctest.Wait()
				ended := errors.Is(c.Err(), context.Canceled)
				select {
				case <-c.Done():
				default:
					if ended {
						t.Errorf("%s: Err says that it is done, and Done that it is not", name)
					}
				}
				if ended != (name == "NewCancellable") {
					t.Errorf("%s: done with its parent: %v", name, ended)
				}
			})
		}
	}
}

func TestReleaseEndsWhoeverWaits(t *testing.T) {
	t.Parallel()
	for name, newContext := range kinds {
		synctest.Test(t, func(t *testing.T) {
			parent, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := newContext(parent, time.Now().Add(time.Hour), nil)
			var all sync.WaitGroup
			for range 10 {
				all.Go(func() {
					<-c.Done()
					if err := c.Err(); !errors.Is(err, context.Canceled) {
						t.Errorf("%s: %v", name, err)
					}
				})
			}
			synctest.Wait()
			c.Release()
			all.Wait()
			c.Release()
			later := newContext(parent, time.Now().Add(time.Hour), nil)
			later.Release()
			<-later.Done()
		})
	}
}

// Package context starts a goroutine for a child of a context that it does not know.
//
//nolint:paralleltest // it looks at the goroutines of all tests that run
func TestAChildTakesNoGoroutine(t *testing.T) {
	for name, newContext := range kinds {
		synctest.Test(t, func(t *testing.T) {
			parent, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			c := newContext(parent, time.Now().Add(time.Hour), nil)
			_, cancelChild := context.WithCancel(c)
			defer cancelChild()
			synctest.Wait()
			if stacks := make([]byte, 1<<20); strings.Contains(string(stacks[:runtime.Stack(stacks, true)]), "propagateCancel") {
				t.Errorf("%s: a goroutine waits for its end", name)
			}
			gone := errors.New("gone")
			cancel(gone)
			synctest.Wait()
			if cause := context.Cause(c); (name == "NewCancellable") != errors.Is(cause, gone) || name == "New" && cause != nil {
				t.Errorf("%s: the cause of its end is %v", name, cause)
			}
			c.Release()
		})
	}
}

func TestOneValueIsHidden(t *testing.T) {
	t.Parallel()
	type other struct{}
	parent := context.WithValue(context.WithValue(t.Context(), key{}, 1), other{}, 2)
	for name, newContext := range kinds {
		c := newContext(parent, time.Now().Add(time.Hour), key{})
		if got := c.Value(key{}); got != nil {
			t.Errorf("%s: the hidden value is %v", name, got)
		}
		if got := c.Value(other{}); got != 2 {
			t.Errorf("%s: another value is %v", name, got)
		}
	}
}

func TestOnlyFindsADeadlineThatNothingElseEnds(t *testing.T) {
	t.Parallel()
	parent, cancel := context.WithCancel(t.Context())
	defer cancel()
	at := time.Now().Add(time.Hour)
	c := deadline.New(parent, at, nil)
	defer c.Release()
	heeding := deadline.NewCancellable(parent, at, nil)
	defer heeding.Release()
	lasting := deadline.NewCancellable(context.WithoutCancel(parent), at, nil)
	defer lasting.Release()
	nested := deadline.New(heeding, at.Add(time.Hour), nil)
	defer nested.Release()
	below := deadline.NewCancellable(c, at, nil)
	defer below.Release()
	ended, end := context.WithCancel(c)
	defer end()
	for name, tc := range map[string]struct {
		ctx  context.Context //nolint:containedctx // of a case
		only bool
	}{
		"New":                                 {c, true},
		"New with a value":                    {context.WithValue(c, key{}, 1), true},
		"New below another":                   {nested, true},
		"New that can be cancelled":           {ended, false},
		"NewCancellable":                      {heeding, false},
		"NewCancellable below New":            {below, false},
		"NewCancellable that nothing cancels": {lasting, true},
		"another that nothing cancels":        {context.WithoutCancel(parent), false},
		"another without a Context above it":  {parent, false},
	} {
		got, only := deadline.Only(tc.ctx)
		if only != tc.only || only && !got.Equal(at) {
			t.Errorf("%s: %v, %v, want %v", name, got, only, tc.only)
		}
	}
}
