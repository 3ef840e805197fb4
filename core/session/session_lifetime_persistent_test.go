package session_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func setPersistent(persistent bool) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetPersistent(persistent) }
}

func TestPersistenceIsDecidedForASession(t *testing.T) {
	t.Parallel()
	const day = 24 * 3600
	for _, c := range []struct {
		name       string
		persistent bool // by default
		work       []handler
		maxAge     int // in the last answer that sets a cookie
	}{
		{"yes", false, []handler{setPersistent(true)}, day},
		{"no", true, []handler{setPersistent(false)}, 0},
		{"yes, as by default", true, []handler{setPersistent(true)}, day},
		{"no, as by default", false, []handler{setPersistent(false)}, 0},
		{"yes and no", false, []handler{setPersistent(true), setPersistent(false)}, 0},
		{"no and yes", true, []handler{setPersistent(false), setPersistent(true)}, day},
		{"yes, then a write", false, []handler{setPersistent(true), count}, day},
		{"no, then a write", true, []handler{setPersistent(false), count}, 0},
		{"yes, then Renew", false, []handler{setPersistent(true), renew}, day},
		{"no, then Renew", true, []handler{setPersistent(false), renew}, 0},
		{"yes, then the same subject", false, []handler{setPersistent(true), authenticate}, 0},
		{"no, then the same subject", true, []handler{setPersistent(false), authenticate}, day},
		{"yes, then another subject", false, []handler{setPersistent(true), signIn("eve")}, 0},
		{"no, then another subject", true, []handler{setPersistent(false), signIn("eve")}, day},
		{"yes, and a login in the same request", false, []handler{both(setPersistent(true), authenticate)}, day},
		{"a login, and yes in the same request", false, []handler{both(authenticate, setPersistent(true))}, day},
		{"yes, for two hours", false, []handler{both(setPersistent(true), setIdle(2*time.Hour))}, day},
		{"yes, with a deadline", false, []handler{both(setPersistent(true), endsIn(time.Minute))}, 60},
		{"yes, a part of a second", false, []handler{both(setPersistent(true), endsIn(time.Second+1))}, 2},
		{"yes, a nanosecond", false, []handler{both(setPersistent(true), endsIn(1))}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = c.persistent })
				v := e.seed(signIn("ann", count))
				var last *http.Cookie
				for i, work := range c.work {
					res := v.do(work)
					wantStatus(t, res, http.StatusOK)
					switch cookies := res.Cookies(); {
					case len(cookies) == 1:
						last = cookies[0]
					case i == 0:
						t.Errorf("%d cookies were set", len(cookies))
					}
				}
				if last == nil || last.MaxAge != c.maxAge {
					t.Errorf("the last cookie is %v, want Max-Age %d", last, c.maxAge)
				}
			})
		})
	}
}

// An anonymous session is never moved, so that no late answer takes a login's place.
func TestSetPersistentOfAStoredAnonymousSessionSendsNoCookie(t *testing.T) {
	t.Parallel()
	wantNoCookie(t, newEnv(t).seed(count).do(setPersistent(true)))
}

func TestSetPersistentAfterTheHeaderWaitsForTheNextTicket(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", count))
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		s.SetPersistent(true)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("%v, want ErrHeaderSent", err)
		}
	})
	wantNoCookie(t, res)
	wantNoCookie(t, v.do(count))
	if res := v.do(renew); v.cookie.MaxAge == 0 {
		t.Errorf("Set-Cookie %q of the next ticket, want a persistent one", res.Header["Set-Cookie"])
	}
}

func TestTheCookieOfSetPersistentArrivesThoughAnAnswerIsLostOrAnotherRequestWrites(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{true, false} {
		for what, disturb := range map[string]func(e *env, v *visitor, r *http.Request, s *session.Session){
			"a lost answer": func(e *env, _ *visitor, r *http.Request, s *session.Session) {
				e.store.lose(errDown, opUpdate)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					e.tb.Errorf("%v, want an outage", err)
				}
				e.store.reset()
			},
			"another request": func(_ *env, v *visitor, _ *http.Request, _ *session.Session) { v.fork().do(count) },
		} {
			e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = !persistent })
			v := e.seed(signIn("ann", count))
			res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.SetPersistent(persistent)
				disturb(e, v, r, s)
			})
			wantStatus(t, res, http.StatusOK)
			if c := res.Cookies(); len(c) != 1 || (c[0].MaxAge > 0) != persistent {
				t.Errorf("%s: SetPersistent(%v): Set-Cookie %q", what, persistent, res.Header["Set-Cookie"])
			}
		}
	}
}
