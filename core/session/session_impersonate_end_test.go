package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// What ends an impersonation, and what is left then.
func TestWhatEndsAnImpersonation(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ends  func(t *testing.T, e *env, root *visitor)
		stays bool // the administrator's own session
	}{
		"its time": {func(*testing.T, *env, *visitor) { pass(actFor) }, true},
		"the customer's EndSubject": {func(t *testing.T, e *env, _ *visitor) {
			t.Helper()
			if n, err := e.m.EndSubject(t.Context(), "ann"); n != 2 || err != nil {
				t.Errorf("ended %d, error %v", n, err)
			}
		}, true},
		"End of the session": {func(t *testing.T, e *env, root *visitor) {
			t.Helper()
			var id string
			root.do(publicIDOf(&id))
			if err := e.m.End(t.Context(), "ann", id); err != nil {
				t.Error(err)
			}
		}, true},
		"a new password of the customer's": {func(t *testing.T, _ *env, root *visitor) {
			t.Helper()
			root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if s.CheckAuthHash("new") {
					t.Error("a hash that was never set matches")
				}
				is(t, "", "root")(w, r, s)
			})
		}, true},
		"the administrator's EndSubject": {func(t *testing.T, e *env, _ *visitor) {
			t.Helper()
			if _, err := e.m.EndSubject(t.Context(), "root"); err != nil {
				t.Error(err)
			}
		}, false},
		"EndEverybody": {func(t *testing.T, e *env, _ *visitor) {
			t.Helper()
			if _, err := e.manager(e.mem).EndEverybody(t.Context()); err != nil {
				t.Error(err)
			}
		}, false},
		"Destroy": {func(t *testing.T, _ *env, root *visitor) {
			t.Helper()
			copied := root.fork()
			if root.do(destroy); root.cookie != nil {
				t.Error("the cookie was not taken back")
			}
			root.cookie = copied.cookie
		}, false},
		"Destroy when it was over": {func(_ *testing.T, _ *env, root *visitor) {
			pass(actFor)
			copied := root.fork()
			root.do(destroy)
			root.cookie = copied.cookie
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, func(o *session.Options) { o.IdleTimeout = 2 * time.Hour })
				root, _ := acting(e)
				finish := root.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					if err := s.Commit(r.Context()); c.stays && !errors.Is(err, session.ErrNotFound) {
						t.Errorf("a slow request's change: %v, want ErrNotFound", err)
					}
				})
				c.ends(t, e, root)
				finish()
				list, err := e.m.List(t.Context(), "ann")
				if err != nil || slices.ContainsFunc(list, func(i session.Info) bool { return i.Actor != "" }) {
					t.Errorf("listed: %+v, error %v", list, err)
				}
				if !c.stays {
					root.is("", "")
					return
				}
				root.is("", "root")
				root.do(comeBack(t))
				root.is("root", "")
			})
		})
	}
}

// Signing in ends it. The administrator comes back to their own session, and somebody
// else gets another.
func TestSigningInEndsAnImpersonation(t *testing.T) {
	t.Parallel()
	for _, over := range []bool{false, true} {
		for _, as := range []string{"root", "bob", "ann"} {
			e, _ := newIndexedEnv(t)
			root, _ := acting(e)
			if over {
				root.fork().do(comeBack(t))
			}
			wantStatus(t, root.do(signIn(as, is(t, as, ""), count)), http.StatusOK)
			root.is(as, "")
			if _, ok := read(root, cart); ok != (as == "root") {
				t.Errorf("as %s, with the administrator's values: %v", as, ok)
			}
			list, err := e.m.List(t.Context(), "ann")
			if err != nil || slices.ContainsFunc(list, func(i session.Info) bool { return i.Actor != "" }) {
				t.Errorf("listed: %+v, error %v", list, err)
			}
		}
	}
}

// Another browser with the ticket ends what it is bound to: the administrator's own.
func TestAnImpersonationFromElsewhereEndsTheOwnSessionToo(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, bound)
	root := e.visitor()
	root.from(agent, home, signIn("root"))
	root.from(agent, home, actAs(t, "ann", nil))
	root.from(agent, home, is(t, "ann", "root"))
	thief := root.fork()
	thief.from("Browser/2", home, is(t, "", ""))
	root.from(agent, home, is(t, "", ""))
}

// Who signs out is signed out, though the request has signed in as somebody else before, or
// has brought the ticket beside another.
func TestDestroyEndsTheOwnSessionWhateverCameBefore(t *testing.T) {
	t.Parallel()
	for name, destroy := range map[string]func(root *visitor){
		"after a login": func(root *visitor) {
			root.do(signIn("bob", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }))
		},
		"by a second cookie": func(root *visitor) {
			r := newRequest(root.e.tb)
			for _, v := range []*visitor{root.e.seed(count), root} {
				r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
			}
			root.m.HandlerFunc(destroy).ServeHTTP(httptest.NewRecorder(), r)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			root, ann := acting(e)
			destroy(root.fork())
			root.is("", "")
			if list := e.list("root"); len(list) != 0 {
				t.Errorf("listed: %+v", list)
			}
			if list := e.list("ann"); len(list) != 1 {
				t.Errorf("the customer's: %+v, want her own", list)
			}
			ann.is("ann", "")
		})
	}
}

// A session that has ended is nobody's, least of all the customer's.
func TestWhoActsStaysKnownWhenTheSessionHasEnded(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	root, _ := acting(e)
	root.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := e.m.EndSubject(r.Context(), "ann"); err != nil {
			t.Error(err)
		}
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		is(t, "", "root")(w, r, s)
		comeBack(t, is(t, "root", ""))(w, r, s)
	})
	root.is("root", "")
}

// A login whose answer was lost ends the impersonation all the same, and is told once.
func TestALoginThatIsFoundLandedEndsAnImpersonation(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	root, _ := acting(e)
	d.taken()
	root.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("root")
		e.store.lose(errDown, opUpdate)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
	})
	root.is("root", "")
	if list := e.list("ann"); len(list) != 1 || list[0].Actor != "" {
		t.Errorf("ann's sessions: %+v, want her own", list)
	}
	logins := 0
	for _, event := range d.taken() {
		if event.Kind == session.EventAuthenticated {
			logins++
		}
	}
	if logins != 1 {
		t.Errorf("told of %d logins, want 1", logins)
	}
}

// The administrator's own session is written between the Load and the way back to it.
func TestTheWayBackMeetsAnotherRequestOfTheOwnSession(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	own := e.seed(signIn("root"))
	own.do(nothing)
	root := own.fork()
	root.do(actAs(t, "ann", nil))
	finish := root.slow(comeBack(t, is(t, "root", "")))
	own.do(count)
	wantStatus(t, finish(), http.StatusOK)
	root.is("root", "")
	if n, _ := read(root, counter); n != 1 {
		t.Errorf("counter %d in the own session, want 1", n)
	}
	if list := e.list("ann"); len(list) != 0 {
		t.Errorf("the session in which they have acted is there: %+v", list)
	}
}

// What a login has ended is over, whatever the request does next.
func TestALoginEndsAnImpersonationOnce(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	root, _ := acting(e)
	d.taken()
	root.do(signIn("root", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
	}, destroy))
	ends := 0
	for _, event := range d.taken() {
		if event.Kind == session.EventEnded && event.Actor != "" {
			ends++
		}
	}
	if ends != 1 {
		t.Errorf("told of %d ends of it, want 1", ends)
	}
}

// The ticket from before it is retired when the one that leads there is seen, though that
// request does no more than read.
func TestReadingWhileActingRetiresTheTicketFromBefore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		root := e.seed(signIn("root"))
		root.do(nothing)
		old := root.fork()
		root.do(actAs(t, "ann", nil))
		root.do(look)
		pass(session.DefaultRenewGrace + time.Second)
		old.is("", "")
		root.is("ann", "root")
	})
}

// The administrator's own session is written between the Load and the logout.
func TestDestroyWhileActingMeetsAnotherRequestOfTheOwnSession(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	own := e.seed(signIn("root"))
	own.do(nothing)
	root := own.fork()
	root.do(actAs(t, "ann", nil))
	finish := root.slow(destroy)
	own.do(count)
	wantStatus(t, finish(), http.StatusOK)
	if n := l.records(t); n != 0 {
		t.Errorf("%d records, want none", n)
	}
}

// Its time is over while the store is at work, and another request has written it by then.
func TestTheEndOfAnImpersonationLeavesTheOwnSessionWhateverItMeets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.IdleTimeout = 2 * time.Hour })
		root, _ := acting(e)
		root.do(nothing)
		finish, updates := root.fork().slow(count), 0
		pass(actFor - time.Second)
		e.store.intercept(func(_ context.Context, o op) error {
			if o != opUpdate {
				return nil
			}
			if updates++; updates == 2 {
				return sessionstore.ErrConflict
			}
			pass(time.Second)
			return nil
		})
		wantStatus(t, finish(), http.StatusOK)
		e.store.reset()
		root.do(comeBack(t))
		root.is("root", "")
	})
}
