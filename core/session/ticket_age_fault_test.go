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
		v := e.seed(signIn("ann", count))
		old := v.fork()
		pass(renewEvery)
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			e.store.fail(errDown, opUpdate)
			if err := s.Commit(r.Context()); err != nil {
				t.Errorf("Commit of a request that has changed nothing: %v", err)
			}
			e.store.reset()
			counter.Update(s, increment)
		})
		if v.ticket() == old.ticket() {
			t.Error("a renewal that has failed is not tried again before RenewEvery has passed once more")
		}
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
	})
}

// A store that has no room takes no record with one more ticket in it.
func TestASessionInUseLivesOnWhileNoRenewalSucceeds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(signIn("ann", count))
		e.store.fail(session.ErrTooLarge, opUpdate)
		for range 30 {
			pass(session.DefaultIdleTimeout / 10)
			wantStatus(t, v.do(nothing), http.StatusOK)
		}
		if !alive(v) {
			t.Error("logged out")
		}
	})
}

// A commit whose outcome is unknown is made again: what it did stays done once, and
// the ticket that it has stored is the one that is handed out.
func TestARenewalWhoseAnswerIsLostIsMadeOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e, l := newIndexedEnv(t, renewing, d.keep)
		v := e.login("ann", count)
		old := v.fork()
		pass(renewEvery)
		d.taken()
		wantStatus(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			e.store.lose(errDown, opUpdate)
			if err := s.Commit(r.Context()); err == nil {
				t.Error("Commit succeeded though nobody knows")
			}
			e.store.reset()
			count(w, r, s)
		}), http.StatusOK)
		if v.ticket() == old.ticket() {
			t.Error("no new ticket was handed out")
		}
		if n, _ := read(v, counter); n != 3 {
			t.Errorf("counter %d, want 3", n)
		}
		pass(renewGrace)
		if n := l.records(t); n != 1 || alive(old) {
			t.Errorf("%d records remain, want 1; the old ticket is good: %v", n, alive(old))
		}
	})
}

func TestAStalledRenewalHoldsAReaderUpForNoLongerThanStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(signIn("ann", count))
		pass(renewEvery)
		e.store.intercept(func(ctx context.Context, o op) error {
			if o == opUpdate {
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
