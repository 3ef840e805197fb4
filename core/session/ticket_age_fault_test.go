package session_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A fault at each of the calls of a request that renews, and then a store that
// works again: the visitor, who comes back within the grace, is not logged out.
func TestAFaultDuringARenewalLogsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, writes := range []bool{false, true} {
		for _, lost := range []bool{false, true} {
			for _, outage := range []bool{false, true} {
				for n := 1; n <= storeCalls; n++ {
					t.Run(fmt.Sprintf("writes %v, answer lost %v, outage %v, call %d", writes, lost, outage, n), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { faultDuringRenewal(t, writes, lost, outage, n) })
					})
				}
			}
		}
	}
}

func faultDuringRenewal(t *testing.T, writes, lost, outage bool, n int) {
	t.Helper()
	e, _ := newIndexedEnv(t, renewing)
	v := e.login("ann", count)
	pass(renewEvery)
	e.store.at(n, lost, outage, errDown)
	work := nothing
	if writes {
		work = count
	}
	res := v.do(work)
	e.store.reset()
	if !writes && n > 1 {
		wantStatus(t, res, http.StatusOK)
	}
	pass(time.Second)
	if got, ok := read(v, counter); !ok || got != 1 && !writes || writes && res.StatusCode == http.StatusOK && got != 2 {
		t.Errorf("counter %d after status %d (writes: %v)", got, res.StatusCode, writes)
	}
	v.do(nothing)
	pass(renewGrace)
	if !alive(v) {
		t.Error("logged out")
	}
	if list := e.list("ann"); len(list) != 1 {
		t.Errorf("%d sessions in the list, want 1", len(list))
	}
}

func TestAFailedRenewalIsTriedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(count)
		old := v.fork()
		pass(renewEvery)
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			e.store.fail(errDown, opCreate)
			if err := s.Commit(r.Context()); err != nil {
				t.Errorf("Commit of a request that has changed nothing: %v", err)
			}
			counter.Update(s, increment) // written under the old ticket, if it can't be renewed
			e.store.reset()
		})
		v.do(nothing)
		if v.id() == old.id() {
			t.Error("a renewal that has failed is not tried again before RenewEvery has passed once more")
		}
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
	})
}

func TestASessionInUseLivesOnWhileNoRenewalSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(count)
		e.store.fail(errDown, opCreate)
		for range 30 {
			pass(session.DefaultIdleTimeout / 10)
			wantStatus(t, v.do(nothing), http.StatusOK)
		}
		if !alive(v) {
			t.Error("logged out")
		}
	})
}

// A commit whose outcome is unknown is made again: what it did stays done once.
func TestARenewalWhoseAnswerIsLostMakesChangesOnce(t *testing.T) {
	t.Parallel()
	for _, lost := range []op{opCreate, opUpdate} {
		t.Run(string(lost), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, l := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				pass(renewEvery)
				wantStatus(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					e.store.lose(errDown, lost)
					if err := s.Commit(r.Context()); err == nil {
						t.Error("Commit succeeded though nobody knows")
					}
					e.store.reset()
					count(w, r, s)
				}), http.StatusOK)
				if n, _ := read(v, counter); n != 3 {
					t.Errorf("counter %d, want 3", n)
				}
				pass(renewGrace)
				if n := l.records(t); n != 1 {
					t.Errorf("%d records remain, want 1", n)
				}
			})
		})
	}
}

// A request with the old ticket that can't be saved must not hand the old ticket
// out again: the browser has the new one, and would lose it.
func TestAFailedFollowerDoesNotHandOutTheOldTicket(t *testing.T) {
	t.Parallel()
	for n := 1; n <= storeCalls; n++ {
		t.Run(fmt.Sprintf("from call %d", n), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.seed(count)
				late := v.fork()
				pass(renewEvery - time.Second)
				finish := late.slow(count)
				pass(time.Second)
				v.do(nothing)
				e.store.at(n, false, true, errDown)
				res := finish()
				e.store.reset()
				if res.StatusCode != http.StatusOK {
					wantOutage(t, res)
				}
				for _, c := range res.Cookies() {
					if c.Value != v.cookie.Value {
						t.Error("it has handed out another ticket than the new one")
					}
				}
			})
		})
	}
}

func TestAStalledRenewalHoldsAReaderUpForNoLongerThanStoreTimeout(t *testing.T) {
	t.Parallel()
	for _, stalls := range []op{opCreate, opUpdate} {
		t.Run(string(stalls), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.seed(count)
				pass(renewEvery)
				e.store.intercept(func(ctx context.Context, o op) error {
					if o == stalls {
						<-ctx.Done()
					}
					return ctx.Err()
				})
				start := time.Now()
				res := v.do(nothing)
				wantStatus(t, res, http.StatusOK)
				wantNoCookie(t, res)
				if took := time.Since(start); took != session.DefaultStoreTimeout {
					t.Errorf("gave up after %v, want %v", took, session.DefaultStoreTimeout)
				}
				e.store.reset()
				if !alive(v) {
					t.Error("logged out")
				}
			})
		})
	}
}

// The records are changed by force, as an attacker with the database could.
func TestATombstoneOfAnotherTicketLeadsNowhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		victim, thief := e.seed(count), e.seed(count)
		from := victim.fork()
		pass(renewEvery)
		victim.do(nothing)
		thief.do(nothing)
		tombstone, err := e.record(from)
		if err != nil {
			t.Fatal(err)
		}
		mine, err := e.record(thief)
		if err != nil {
			t.Fatal(err)
		}
		tombstone.Version++
		if err := e.mem.Update(t.Context(), thief.id(), mine.Version, tombstone); err != nil {
			t.Fatal(err)
		}
		if alive(thief) {
			t.Error("a copied tombstone leads to another visitor's session")
		}
	})
}

// A backend that is full takes no tombstone, and deletes all the same.
func TestALogoutDuringTheGraceWorksWhenTheStoreIsFull(t *testing.T) {
	t.Parallel()
	for _, under := range []string{"the old ticket", "the old ticket, loaded before", "the new ticket"} {
		t.Run(under, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				old := v.fork()
				pass(renewEvery - time.Second)
				var logout func() *http.Response
				switch under {
				case "the old ticket":
					logout = func() *http.Response { return old.fork().do(destroy) }
				case "the old ticket, loaded before":
					logout = old.fork().slow(destroy)
				case "the new ticket":
					logout = func() *http.Response { return v.do(destroy) }
				}
				pass(time.Second)
				v.do(nothing)
				next := v.fork()
				e.store.fail(errDown, opCreate, opUpdate, opTouch)
				res := logout()
				wantStatus(t, res, http.StatusOK)
				e.store.reset()
				if alive(old) || alive(next) || len(e.list("ann")) != 0 {
					t.Error("the session has survived its end")
				}
			})
		})
	}
}
