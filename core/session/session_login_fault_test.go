package session_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A login and a renewal with a fault at each of their store calls. lost says
// that the store acts and the answer is lost.
func TestAFaultDuringALoginHandsOutNoCookie(t *testing.T) {
	t.Parallel()
	works := map[string]handler{
		"Authenticate": authenticate,
		"Renew":        renew,
	}
	for name, work := range works {
		for _, failing := range [][]op{{opCreate}, {opUpdate}, {opUpdate, opDelete}, {opCreate, opDelete}} {
			for _, lost := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s with a fault in %v (answer lost: %v)", name, failing, lost), func(t *testing.T) {
					t.Parallel()
					e := newEnv(t)
					v := e.seed(count)
					if lost {
						e.store.lose(errDown, failing...)
					} else {
						e.store.fail(errDown, failing...)
					}
					wantOutage(t, v.do(work))
					e.store.reset()
					r, err := e.record(v)
					n, alive := read(v, counter)
					if failing[0] == opUpdate && lost && !alive {
						return // it has been retired: nothing told the manager
					}
					if n != 1 || err != nil || r.Subject != "" {
						t.Errorf("the old session does not work as before: counter %d, subject %q, %v", n, r.Subject, err)
					}
				})
			}
		}
	}
}

func TestAFailedLoginLeavesNoRecordUnderTheSubject(t *testing.T) {
	t.Parallel()
	for _, failing := range []op{opCreate, opUpdate} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("fault in %s (answer lost: %v)", failing, lost), func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				v := e.seed(count)
				if lost {
					e.store.lose(errDown, failing)
				} else {
					e.store.fail(errDown, failing)
				}
				wantOutage(t, v.do(authenticate))
				entries, err := e.mem.ListSubject(t.Context(), "ann")
				if err != nil {
					t.Fatal(err)
				}
				if len(entries) != 0 {
					t.Errorf("%d live records of a subject who never got a ticket", len(entries))
				}
			})
		}
	}
}

func TestALoginWhoseStoreStallsLeavesNoRecordUnderTheSubject(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		e.store.intercept(func(ctx context.Context, o op) error {
			if o == opUpdate {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		wantOutage(t, v.do(authenticate))
		entries, err := e.mem.ListSubject(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 0 {
			t.Errorf("%d live records of a subject who never got a ticket", len(entries))
		}
	})
}

func TestARetiredTicketThatCanNotBeDeletedIsDead(t *testing.T) {
	t.Parallel()
	for _, work := range endings[1:3] {
		t.Run(work.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = true })
				v := e.seed(count)
				old := v.fork()
				writer := v.fork().slow(count)
				reader := v.fork().slow(nothing)
				pass(session.DefaultIdleTimeout / 2)
				e.store.fail(errDown, opDelete)
				wantStatus(t, v.do(work.end), http.StatusOK)
				for _, finish := range []func() *http.Response{writer, reader} {
					res := finish()
					wantStatus(t, res, http.StatusOK)
					wantNoCookie(t, res)
				}
				if _, ok := read(old, counter); ok {
					t.Error("the old ticket still gives the session")
				}
				if n, _ := read(v, counter); n != 1 {
					t.Errorf("under the new ticket the counter is %d, want 1", n)
				}
			})
		})
	}
}

func TestAFailedLogoutIsReportedAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	logout := destroy
	e.store.fail(errDown, opDelete, opUpdate)
	wantOutage(t, v.do(logout))
	e.store.reset()
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1: the visitor was told to try again", n)
	}
	old := v.fork()
	wantStatus(t, v.do(logout), http.StatusOK)
	if _, ok := read(old, counter); ok || v.cookie != nil {
		t.Error("the repeated logout did not end the session")
	}
}

func TestALogoutIsDoneThoughTheRecordCanNotBeDeleted(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	old := v.fork()
	e.store.fail(errDown, opDelete)
	wantStatus(t, v.do(destroy), http.StatusOK)
	if v.cookie != nil || alive(old) || len(e.list("ann")) != 0 {
		t.Error("the session has survived its end")
	}
}

func TestACommittedCookieSurvivesALaterFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		counter.Update(s, increment)
		e.store.fail(errDown, opUpdate)
	})
	wantStatus(t, res, http.StatusServiceUnavailable)
	e.store.reset()
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1: the old ticket is dead, and the visitor was not given the new one", n)
	}
}
