package session_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var limitPolicies = map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing}

func TestASlowLoginHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, policy(2))
				slow := true
				e.store.intercept(func(_ context.Context, o op) error {
					if o == opList && slow {
						slow = false
						<-time.After(session.DefaultStoreTimeout / 2) // the first one takes its time
					}
					return nil
				})
				first := e.visitor()
				var wg sync.WaitGroup
				wg.Go(func() { wantStatus(t, first.do(authenticate), http.StatusOK) })
				synctest.Wait()
				start := time.Now()
				wantStatus(t, e.visitor().do(authenticate), http.StatusOK)
				if took := time.Since(start); took != 0 {
					t.Errorf("the second one took %v", took)
				}
				wg.Wait()
				if n := len(e.list("ann")); n != 2 {
					t.Errorf("%d sessions, want 2", n)
				}
			})
		})
	}
}

// A login with a fault at each of its store calls. If it fails, nobody else's session
// has ended for it, and the form that is sent again signs the visitor in, also if the
// first one has landed: it joins.
func TestAFaultDuringALimitedLoginIsNoLogin(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		for _, lost := range []bool{false, true} {
			for n := 2; n <= storeCalls; n++ {
				t.Run(fmt.Sprintf("%s, answer lost %v, call %d", name, lost, n), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e, _ := newIndexedEnv(t, policy(2))
						other := e.login("ann", count)
						v := e.seed(count)
						old := v.fork()
						e.store.at(n, lost, false, errDown)
						res := v.do(signIn("ann", count))
						e.store.reset()
						if res.StatusCode != http.StatusOK {
							wantOutage(t, res)
						}
						if !alive(other) || len(e.list("ann")) > 2 {
							t.Errorf("%d sessions, at most 2 are allowed; another one is alive: %v", len(e.list("ann")), alive(other))
						}
						if v.ticket() != old.ticket() && alive(old) {
							t.Error("the old ticket is good after a login")
						}
						wantStatus(t, v.do(signIn("ann", count)), http.StatusOK)
						if got, ok := read(v, counter); !ok || got < 2 || got > 3 {
							t.Errorf("counter %d after the repeated login, want 2 or 3", got)
						}
						if !alive(other) || len(e.list("ann")) != 2 {
							t.Errorf("%d sessions after the repeated login, want 2", len(e.list("ann")))
						}
					})
				})
			}
		}
	}
}

// failAfter lets a number of the named calls through, and fails all others of them.
func (f *faultyStore) failAfter(n int, o op, others ...op) {
	var mu sync.Mutex
	f.intercept(func(_ context.Context, called op) error {
		mu.Lock()
		defer mu.Unlock()
		if called == o {
			n--
		}
		if slices.Contains(others, called) || called == o && n < 0 {
			return errDown
		}
		return nil
	})
}

// The limit can't be kept: then there is no ticket either.
func TestALoginWhoseEvictionFailsFails(t *testing.T) {
	t.Parallel()
	for what, fail := range map[string]func(*faultyStore){
		"the list before it":   func(f *faultyStore) { f.failAfter(0, opList) },
		"the list after it":    func(f *faultyStore) { f.failAfter(1, opList) },
		"the end of the other": func(f *faultyStore) { f.failAfter(1, opUpdate, opDelete) },
		"the end of the other, whom others write to": func(f *faultyStore) {
			updates := 0
			f.intercept(func(_ context.Context, o op) error {
				if o == opUpdate {
					updates++
				}
				if updates > 1 && o == opUpdate {
					return sessionstore.ErrConflict
				}
				return nil
			})
		},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, atMost(1))
				first := e.login("ann", count)
				pass(time.Second)
				v := e.seed(count)
				fail(e.store)
				wantOutage(t, v.do(authenticate))
				e.store.reset()
				if e.ended(first) {
					t.Error("a session has ended though nobody has signed in")
				}
				pass(time.Second)
				wantStatus(t, v.do(authenticate), http.StatusOK)
				wantStatus(t, v.do(nothing), http.StatusOK) // one that joins keeps the limit when it is seen
				if alive(first) || !alive(v) || len(e.list("ann")) != 1 {
					t.Errorf("%d sessions, want 1", len(e.list("ann")))
				}
			})
		})
	}
}

// The process that has written a login may have ended before it came to the limit. Whoever presents
// its ticket has received it, however late.
func TestTheFirstSightOfALoginKeepsTheLimit(t *testing.T) {
	t.Parallel()
	for _, after := range []time.Duration{0, 10*time.Minute + 1} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t)
			var visitors []*visitor
			for range 3 {
				visitors = append(visitors, e.login("ann", count))
				pass(time.Second)
			}
			visitors[0].do(nothing)
			pass(after)
			last := visitors[2].with(e.manager(e.indexed(), atMost(1)))
			e.store.fail(errDown, opList)
			wantOutage(t, last.do(nothing))
			e.store.reset()
			wantStatus(t, last.do(nothing), http.StatusOK)
			for i, v := range visitors {
				if want := i == 2; alive(v) != want {
					t.Errorf("after %v: login %d is alive: %v, want %v", after, i, !want, want)
				}
			}
		})
	}
}

// A login whose answer nobody has received for ten minutes holds no place.
func TestALostLoginMakesRoomFirst(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, policy(2))
				phone := e.login("ann", count)
				phone.do(nothing)
				pass(time.Second)
				e.store.failAfter(1, opList)
				other := e.visitor().with(e.manager(e.indexed(), policy(2))) // this process does not know of it
				wantOutage(t, other.do(authenticate))                        // it is written, and the ticket is not handed out
				e.store.reset()
				if n := len(e.list("ann")); n != 2 {
					t.Fatalf("%d sessions, want 2", n)
				}
				if name == "refuse" {
					pass(10 * time.Minute)
					wantStatus(t, e.visitor().do(authenticate), http.StatusForbidden)
					pass(1)
				} else {
					pass(10*time.Minute + 1)
				}
				desk := e.login("ann", count)
				if !alive(phone) || !alive(desk) || len(e.list("ann")) != 2 {
					t.Errorf("phone %v, desk %v, %d sessions", alive(phone), alive(desk), len(e.list("ann")))
				}
			})
		})
	}
}
