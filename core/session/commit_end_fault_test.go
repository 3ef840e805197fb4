package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What a handler has committed before it signs the visitor out again.
var beforeDestroy = map[string]handler{
	"created":       count,
	"renewed":       renew,
	"authenticated": authenticate,
	"remembered":    setPersistent(true),
}

func destroyAfter(f handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		f(w, r, s)
		if err := s.Commit(r.Context()); err != nil {
			panic(err)
		}
		s.Destroy()
	}
}

func TestALogoutThatTheStoreRefusesIsAnOutageWhateverWasCommittedBefore(t *testing.T) {
	t.Parallel()
	for name, f := range beforeDestroy {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.visitor()
			if name != "created" {
				v.do(count)
			}
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				destroyAfter(f)(w, r, s)
				e.store.fail(errDown, opDelete, opUpdate)
			})
			wantOutage(t, res)
		})
	}
}

func TestALogoutThatTheStoreRefusesHandsNoTicketToAHeaderField(t *testing.T) {
	t.Parallel()
	eachTransport(t, func(c *client) {
		res := c.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			destroyAfter(count)(w, r, s)
			c.e.store.fail(errDown, opDelete, opUpdate)
		})
		wantOutage(c.e.tb, res)
		if res.Header[c.answer] != nil {
			c.e.tb.Errorf("%s is in the response", c.answer)
		}
	})
}

// The session is the same one, whatever has become of its tickets. Only a first login
// whose ticket the visitor has used is not the session that the request has seen.
func TestALogoutEndsWhatARequestAtTheSameTimeHasMoved(t *testing.T) {
	t.Parallel()
	ann := signIn("ann", count)
	stale := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.CheckAuthHash("another password") }
	for _, c := range []struct {
		name       string
		seed, move handler
		seen       bool // the new ticket, before the logout
		end        handler
		stays      bool
	}{
		{"a write", ann, count, false, destroy, false},
		{"Renew", ann, renew, false, destroy, false},
		{"Renew, seen", ann, renew, true, destroy, false},
		{"StepUp", ann, stepUp, false, destroy, false},
		{"StepUp, seen", ann, stepUp, true, destroy, false},
		{"Renew, and the other request had begun to sign in again", ann, renew, false, both(authenticate, destroy), false},
		{"Renew, and the other request's password is out of date", ann, renew, true, stale, false},
		{"a login again", ann, authenticate, false, destroy, false},
		{"a login again, seen", ann, authenticate, true, destroy, false},
		{"the first login", count, authenticate, false, destroy, false},
		{"the first login, seen", count, authenticate, true, destroy, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v, elsewhere := e.seed(c.seed), e.login("ann", count)
			finish := v.fork().slow(c.end)
			v.do(c.move)
			if c.seen {
				v.do(nothing)
			}
			wantStatus(t, finish(), http.StatusOK)
			if alive(v) != c.stays {
				t.Errorf("alive afterwards: %v, want %v", !c.stays, c.stays)
			}
			if !alive(elsewhere) {
				t.Error("the subject's other session has ended")
			}
		})
	}
}

func TestALogoutThatCanNotLookAgainIsAnOutage(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	finish := v.fork().slow(destroy)
	v.do(renew)
	e.store.fail(errDown, opLoad)
	wantOutage(t, finish())
}

// A store without room for the tombstone does not hold a renewal up that finds some.
func TestALogoutWithoutATombstoneEndsWhatIsRenewedMeanwhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, renewing)
		v := e.login("ann", count)
		other := v.fork()
		pass(renewEvery)
		finish := v.slow(destroy)
		updates, renewed := 0, false
		e.store.intercept(func(_ context.Context, o op) error {
			switch {
			case o == opUpdate && updates < 2: // that of the logout, and once more
				updates++
				return errDown
			case o == opDelete && !renewed:
				renewed = true
				other.do(nothing) //nolint:contextcheck // another request
			}
			return nil
		})
		wantStatus(t, finish(), http.StatusOK)
		if !renewed || alive(other) {
			t.Errorf("renewed: %v, alive afterwards: %v", renewed, alive(other))
		}
	})
}
