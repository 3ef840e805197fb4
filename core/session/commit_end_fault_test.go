package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

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

// Whatever it is that the store can't do, the visitor learns that they may not be signed out.
func TestALogoutIsAnOutageWhereAnythingIsLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]func(t *testing.T, e *env) (v *visitor, left *visitor){
		"the session in which they act": func(_ *testing.T, e *env) (*visitor, *visitor) {
			root, _ := acting(e)
			e.store.fail(errDown, opDelete)
			return root, nil
		},
		"the session that a login has replaced": func(t *testing.T, e *env) (*visitor, *visitor) {
			t.Helper()
			var err error
			ann, bob := e.visitor(), e.visitor()
			ann.do(goOn(&err))
			if bob.do(goOn(&err, signIn("bob"))); err != nil {
				t.Error(err)
			}
			e.store.at(2, false, false, errDown) // after the Load of his own
			return bob, ann
		},
		"the record, for a process whose clock is behind": func(_ *testing.T, e *env) (*visitor, *visitor) {
			v := e.seed(count)
			e.store.intercept(func(ctx context.Context, o op) (err error) {
				if o == opUpdate {
					_, err = e.mem.DeleteAll(ctx)
				}
				if o == opDelete {
					err = errDown
				}
				return err
			})
			return v, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v, left := c(t, e)
			wantOutage(t, v.do(destroy))
			e.store.reset()
			if wantStatus(t, v.do(destroy), http.StatusOK); left != nil && alive(left) {
				t.Error("it is left by the next logout")
			}
		})
	}
}

// A request of the impersonation writes its session meanwhile.
func TestALogoutEndsTheSessionInWhichTheyActWhateverIsWrittenThere(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	root, _ := acting(e)
	finish := root.fork().slow(destroy)
	root.do(count)
	wantStatus(t, finish(), http.StatusOK)
	if n := l.records(t); n != 1 {
		t.Errorf("%d records, want the customer's own", n)
	}
}

// A second cookie's ticket is good for nothing, or its session is gone. The logout is an outage if
// that can't be found out just then.
func TestALogoutEndsNothingThatASecondCookieIsNotGoodFor(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		gone bool
		fail func(*faultyStore)
		want int
	}{
		"planted":                  {false, (*faultyStore).reset, http.StatusOK},
		"planted, and no Load":     {false, func(f *faultyStore) { f.at(2, false, false, errDown) }, http.StatusServiceUnavailable},
		"gone":                     {true, (*faultyStore).reset, http.StatusOK},
		"gone, and no Load":        {true, func(f *faultyStore) { f.at(2, false, false, errDown) }, http.StatusServiceUnavailable},
		"gone, and then no Delete": {true, func(f *faultyStore) { f.fail(errDown, opDelete) }, http.StatusServiceUnavailable},
	} {
		e := newEnv(t)
		ann := e.seed(count)
		planted, v := ann.fork(), e.seed(count)
		if ann.do(authenticate); c.gone {
			planted.cookie = e.seed(count).cookie
			if err := e.mem.Delete(t.Context(), planted.id()); err != nil {
				t.Error(err)
			}
		}
		ann.do(nothing)
		r := newRequest(t)
		for _, v := range []*visitor{v, planted} {
			r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		}
		res := serveRequest(e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Destroy()
			c.fail(e.store)
		}), r)
		if res.StatusCode != c.want {
			t.Errorf("%s: status %d, want %d", name, res.StatusCode, c.want)
		}
		e.store.reset()
		ann.is("ann", "")
	}
}

// A write comes between, so that the session is loaded again, and it is gone, or so the first
// answer says.
func TestALogoutWhoseSessionIsGoneByThen(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		second error // the answer when it is asked for once more
		want   int
	}{{session.ErrNotFound, http.StatusOK}, {errDown, http.StatusServiceUnavailable}} {
		e := newEnv(t)
		v := e.seed(count)
		finish, loads := v.fork().slow(destroy), 0
		v.do(count)
		e.store.intercept(func(_ context.Context, o op) error {
			if o != opLoad {
				return nil
			}
			if loads++; loads == 1 {
				return session.ErrNotFound
			}
			return c.second
		})
		wantStatus(t, finish(), c.want)
	}
}

// Another session has begun meanwhile, with the same old one of another system.
func TestALogoutEndsNothingThatHasTakenItsPlace(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	v, other := e.visitor(), e.visitor()
	v.do(goOn(&err))
	finish := v.slow(destroy)
	if _, err := e.mem.DeleteAll(t.Context()); err != nil {
		t.Error(err)
	}
	if other.do(goOn(&err)); err != nil {
		t.Error(err)
	}
	wantStatus(t, finish(), http.StatusOK)
	wantAnn(t, other, 1)
}

// By the end of the request the ticket's own time is over, and another's request has brought the
// hash up to date.
func TestAHashThatIsUpToDateAgainEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("ann", setIdle(time.Minute), tie("old")))
		v.do(nothing)
		other := v.fork()
		other.do(signIn("ann", tie("new")))
		finish := v.slow(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.CheckAuthHash("newest") })
		other.do(tie("newest"))
		pass(time.Minute)
		finish()
		other.is("ann", "")
	})
}
