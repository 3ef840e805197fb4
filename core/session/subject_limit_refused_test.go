package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// refusedAtLast is a login whose first commit finds the store failing, and whose second one is
// refused. between is called in between.
func refusedAtLast(e *env, between func()) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		e.tb.Helper()
		s.Authenticate("ann")
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			e.tb.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		between()
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
			e.tb.Errorf("the second Commit: %v, want ErrTooManySessions", err)
		}
		if s.Subject() == "ann" {
			e.tb.Errorf("it shows a session of %q", s.Subject())
		}
	}
}

// unlimited returns a visitor of a process that knows no limit.
func (e *env) unlimited() *visitor {
	v := e.visitor()
	v.m = e.manager(e.mem)
	return v
}

// TestARefusedLoginLeavesNothing has the answer to the write of a login be lost, and another one
// take the place before the login is committed again.
func TestARefusedLoginLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, had := range []bool{false, true} {
		e, _ := newIndexedEnv(t, refusing(1))
		phone, v := e.unlimited(), e.visitor()
		if had {
			v = e.seed(count)
		}
		e.store.lose(errDown, opCreate, opUpdate)
		wantNoCookie(t, v.do(refusedAtLast(e, func() { phone.do(signIn("ann", count)) })))
		if n := len(e.list("ann")); n != 1 || !alive(phone) {
			t.Errorf("had %t: %d sessions, want the other's", had, n)
		}
		phone.do(destroy)
		if n, _ := read(v, counter); had && n != 1 {
			t.Errorf("the visitor's session counts %d, want 1", n)
		}
		wantStatus(t, e.visitor().do(authenticate), http.StatusOK)
	}
}

// meetsWhenWritten has phone sign in as ann when a login is written, and the list fail behind that.
func (e *env) meetsWhenWritten(phone *visitor) {
	written := false
	e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case !written && (o == opCreate || o == opUpdate):
			written = true
			phone.do(signIn("ann", count)) //nolint:contextcheck // another request
		case o == opList && written:
			return errDown
		}
		return nil
	})
}

// TestALoginThatIsTakenBackLaterLeavesWhatThereWas has the store fail behind the write of a login,
// so that the next commit finds that it is one too many.
func TestALoginThatIsTakenBackLaterLeavesWhatThereWas(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	phone, v := e.unlimited(), e.seed(count)
	e.meetsWhenWritten(phone)
	wantNoCookie(t, v.do(refusedAtLast(e, func() {})))
	if n := len(e.list("ann")); n != 1 || !alive(phone) {
		t.Errorf("%d sessions, want the other's", n)
	}
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("the visitor's session counts %d, want 1", n)
	}
}

// TestALoginThatIsTakenBackLaterReplacesNobody has bob want a new ticket after that.
func TestALoginThatIsTakenBackLaterReplacesNobody(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	phone, v := e.unlimited(), e.seed(signIn("bob", count))
	v.do(nothing)
	e.meetsWhenWritten(phone)
	v.do(both(refusedAtLast(e, func() {}), renew))
	v.is("bob", "")
}

// TestALoginThatIsTakenBackLaterIsOverThoughTheStoreFails has it fail at the Load behind that.
func TestALoginThatIsTakenBackLaterIsOverThoughTheStoreFails(t *testing.T) {
	t.Parallel()
	for _, had := range []bool{false, true} {
		e, _ := newIndexedEnv(t, refusing(1))
		phone, v := e.unlimited(), e.visitor()
		if had {
			v = e.seed(signIn("bob", count))
			v.do(nothing)
		}
		e.meetsWhenWritten(phone)
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Authenticate("ann")
			commitFails(t, r, s)
			e.store.reset()
			updated := false
			e.store.intercept(func(_ context.Context, o op) error {
				if updated = updated || o == opUpdate; updated && o == opLoad {
					return errDown
				}
				return nil
			})
			count(w, r, s)
			_ = s.Commit(r.Context())
			e.store.reset()
			if err := s.Commit(r.Context()); err == nil {
				t.Errorf("had %t: the last Commit is none of a login that is refused", had)
			}
		})
		wantNoCookie(t, res)
		if n := len(e.list("ann")); n != 1 || !alive(phone) {
			t.Errorf("had %t: %d sessions, want the other's", had, n)
		}
		if n, _ := read(v, counter); had && n != 1 {
			t.Errorf("the visitor's session counts %d, want 1", n)
		}
	}
}

// TestALoginWhoseTicketNobodyGetsTakesNoPlace has the answer to the write of a login be lost, and
// the visitor, who has no cookie, try again.
func TestALoginWhoseTicketNobodyGetsTakesNoPlace(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		e, _ := newIndexedEnv(t, policy(2))
		phone, v := e.login("ann", count), e.visitor()
		phone.do(nothing)
		e.store.lose(errDown, opCreate)
		wantOutage(t, v.do(authenticate))
		e.store.reset()
		wantStatus(t, v.do(signIn("ann", count)), http.StatusOK)
		if !alive(phone) || !alive(v) || len(e.list("ann")) != 2 {
			t.Errorf("%s: the phone's is alive %t, the visitor's %t, of %d", name, alive(phone), alive(v), len(e.list("ann")))
		}
	}
}

// TestALoginThatMayBeTriedAgainKeepsItsPlace has the visitor have a session from before the login,
// and somebody else want the place meanwhile.
func TestALoginThatMayBeTriedAgainKeepsItsPlace(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	v := e.seed(count)
	e.store.lose(errDown, opUpdate)
	wantOutage(t, v.do(signIn("ann", count)))
	e.store.reset()
	wantStatus(t, e.visitor().do(authenticate), http.StatusForbidden)
	wantStatus(t, v.do(authenticate), http.StatusOK)
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("it counts %d, want 2", n)
	}
}

// TestALoginIsTakenBackFromASessionWhoseTimeIsOver has the time run out while the login is written.
func TestALoginIsTakenBackFromASessionWhoseTimeIsOver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, refusing(1))
		phone, v := e.unlimited(), e.seed(count)
		pass(session.DefaultIdleTimeout - 1)
		written := false
		e.store.intercept(func(_ context.Context, o op) error {
			switch {
			case o == opUpdate && !written:
				written = true
				phone.do(signIn("ann", count)) //nolint:contextcheck // another request
			case o == opList && written:
				<-time.After(1)
			}
			return nil
		})
		wantStatus(t, v.do(authenticate), http.StatusForbidden)
		if n := len(e.list("ann")); n != 1 || !alive(phone) || alive(v) {
			t.Errorf("%d sessions, want the other's", n)
		}
	})
}

// TestWhoHasGotTheirTicketKeepsTheirPlace has the writes of the first request with it fail, and the
// visitor give up a login there.
func TestWhoHasGotTheirTicketKeepsTheirPlace(t *testing.T) {
	t.Parallel()
	for name, policy := range limitPolicies {
		e, _ := newIndexedEnv(t, policy(2))
		e.login("ann").do(nothing)
		v := e.login("ann", count)
		e.store.fail(errDown, opUpdate)
		ctx, cancel := context.WithCancel(t.Context())
		v.within(ctx, v.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
				t.Errorf("%s: Commit: %v, want the store's error", name, err)
			}
			s.Authenticate("ann")
			cancel()
		}))
		e.store.reset()
		e.visitor().do(authenticate)
		if !alive(v) {
			t.Errorf("%s: another login has ended the visitor's session", name)
		}
	}
}
