package session_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What takes a session from a slow request that holds it.
var endings = []struct {
	name string
	seed handler
	end  func(e *env, v *visitor)
	goes bool // the session goes on without the request's ticket
}{
	{"Destroy", count, func(_ *env, v *visitor) { v.do(destroy) }, false},
	{"Destroy by somebody signed in", signIn("ann", count), func(_ *env, v *visitor) { v.do(destroy) }, false},
	{"EndSubject", signIn("ann", count), func(e *env, _ *visitor) {
		if _, err := e.m.EndSubject(e.tb.Context(), "ann"); err != nil {
			e.tb.Error(err)
		}
	}, false},
	{"a first login", count, func(_ *env, v *visitor) { v.do(authenticate) }, true},
	{"a login as somebody else", signIn("bob", count), func(_ *env, v *visitor) { v.do(both(authenticate, count)) }, true},
	{"expiry", count, func(*env, *visitor) { pass(session.DefaultIdleTimeout) }, false},
}

// What the slow request does then.
var lateWork = []struct {
	name string
	work handler
}{
	{"reads", look},
	{"sets", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "late") }},
	{"updates", count},
	{"clears", clearValues},
	{"renews", renew},
	{"authenticates", signIn("eve")},
}

func TestNothingComesBackAfterTheEnd(t *testing.T) {
	t.Parallel()
	configurations := []struct {
		name      string
		configure func(*session.Options)
		plain     bool
	}{
		{"default", func(*session.Options) {}, false},
		{"persistent cookie", func(o *session.Options) { o.Cookie.Persistent = true }, false},
		{"store without Touch", func(*session.Options) {}, true},
	}
	for _, c := range configurations {
		for _, ending := range endings {
			for _, late := range lateWork {
				if c.plain && ending.name == "EndSubject" {
					continue // such a store has no index either
				}
				t.Run(c.name+"/across "+ending.name+" it "+late.name, func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e, _ := newIndexedEnv(t, c.configure)
						if c.plain {
							e.m = e.manager(plainStore{e.store}, c.configure)
						}
						v := e.seed(ending.seed)
						old, late, work := v.fork(), v.fork(), late.work
						finish := late.slow(work)
						pass(session.DefaultIdleTimeout / 2) // long enough for a touch to be due
						ending.end(e, v)
						res := finish()
						wantStatus(t, res, http.StatusOK)
						wantNothingBack(t, e, old, late)
						if ending.goes {
							wantGoesOn(t, v)
						}
					})
				})
			}
		}
	}
}

// wantNothingBack checks that a late request has brought nothing back: if it has
// signed somebody in, that is another session.
func wantNothingBack(t *testing.T, e *env, old, late *visitor) {
	t.Helper()
	if late.ticket() != old.ticket() {
		late.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "eve" || len(s.Names()) != 0 || late.id() == old.id() {
				t.Errorf("the late request has a ticket of %q's session with %q in it", s.Subject(), s.Names())
			}
		})
	}
	if n, ok := read(old, counter); ok {
		t.Errorf("a reload with the old ticket finds the session (counter %d)", n)
	}
	if r, err := e.record(old); err == nil && r.Subject == "eve" {
		t.Error("the session belongs to whoever came too late")
	}
}

// wantGoesOn checks that a session is ann's, and as she has left it.
func wantGoesOn(t *testing.T, v *visitor) {
	t.Helper()
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "ann" || counter.Get(s) != 1 || s.Has("name") {
			t.Errorf("the session that goes on is %q's, with %q in it, counter %d", s.Subject(), s.Names(), counter.Get(s))
		}
	})
}

// Whoever signs out while the session ends, or is signed in to for the first time, is
// signed out.
func TestASlowLogoutEndsTheSessionThatIsLeft(t *testing.T) {
	t.Parallel()
	for _, ending := range endings {
		t.Run("across "+ending.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t)
				v := e.seed(ending.seed)
				old := v.fork()
				finish := v.fork().slow(destroy)
				ending.end(e, v)
				res := finish()
				wantStatus(t, res, http.StatusOK)
				for _, c := range res.Cookies() {
					if c.MaxAge >= 0 {
						t.Errorf("a cookie was handed out: %v", c)
					}
				}
				if alive(old) || !e.ended(old) {
					t.Error("a reload with the old ticket finds the session")
				}
				another := v.cookie != nil && v.id() != old.id()
				if another != (ending.name == "a login as somebody else") || another && !alive(v) {
					t.Errorf("the visitor has another session: %v", another)
				}
			})
		})
	}
}

// TestASlowLogoutEndsASessionThatNoLongerListsItsTicket: an older ticket's write has dropped
// it meanwhile, as one that nobody has presented for ten minutes.
func TestASlowLogoutEndsASessionThatNoLongerListsItsTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		b := member(e)
		old := b.at(e.m)
		b.do(renew)
		<-time.After(11 * time.Minute)
		finish := b.start(destroy)
		old.do(fillCart)
		wantStatus(t, b.take(finish()), http.StatusOK)
		for name, b := range map[string]*browser{"the visitor": b, "the old ticket": old} {
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() != "" {
					t.Errorf("%s: still signed in", name)
				}
			})
		}
	})
}

// What has ended is not looked for again, whatever the request does next.
func TestAnEndCostsNothingMore(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]bool{"by the request": false, "by another": true} {
		e := newEnv(t)
		v := e.seed(count)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			want := error(nil)
			if count(w, r, s); meanwhile {
				want = session.ErrNotFound
				v.fork().do(destroy) //nolint:contextcheck // another request
			} else {
				s.Destroy()
			}
			for i := range 2 {
				if err := s.Commit(r.Context()); !errors.Is(err, want) {
					t.Errorf("%s: Commit: %v, want %v", name, err, want)
				}
				if calls := e.store.taken(); i > 0 && len(calls) > 0 {
					t.Errorf("%s: store calls %v, want none", name, calls)
				}
				if meanwhile {
					count(w, r, s)
				}
			}
		})
	}
}
