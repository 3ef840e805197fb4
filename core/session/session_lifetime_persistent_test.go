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
	const hour = 3600
	eve := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }
	for _, c := range []struct {
		name       string
		persistent bool // by default
		work       []handler
		maxAge     int // in the last answer that sets a cookie
	}{
		{"yes", false, []handler{setPersistent(true)}, hour},
		{"no", true, []handler{setPersistent(false)}, 0},
		{"yes, as by default", true, []handler{setPersistent(true)}, hour},
		{"no, as by default", false, []handler{setPersistent(false)}, 0},
		{"yes and no", false, []handler{setPersistent(true), setPersistent(false)}, 0},
		{"no and yes", true, []handler{setPersistent(false), setPersistent(true)}, hour},
		{"yes, then a write", false, []handler{setPersistent(true), count}, hour},
		{"no, then a write", true, []handler{setPersistent(false), count}, 0},
		{"yes, then Renew", false, []handler{setPersistent(true), renew}, hour},
		{"no, then Renew", true, []handler{setPersistent(false), renew}, 0},
		{"yes, then Authenticate", false, []handler{setPersistent(true), authenticate}, hour},
		{"no, then Authenticate", true, []handler{setPersistent(false), authenticate}, 0},
		{"yes, then another subject", false, []handler{authenticate, setPersistent(true), eve}, 0},
		{"no, then another subject", true, []handler{authenticate, setPersistent(false), eve}, hour},
		{"yes, for two hours", false, []handler{setPersistent(true), setIdle(2 * time.Hour)}, 2 * hour},
		{"yes, until AbsoluteTimeout", false, []handler{setPersistent(true), setIdle(session.NoTimeout)}, 24 * hour},
		{"yes, with a deadline", false, []handler{setPersistent(true), endsIn(time.Minute)}, 60},
		{"yes, a part of a second", false, []handler{setPersistent(true), endsIn(time.Second + 1)}, 2},
		{"yes, a nanosecond", false, []handler{setPersistent(true), endsIn(1)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = c.persistent })
				v := e.seed(count)
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

func TestARememberedSessionsCookieIsSentAgainWhenItIsExtended(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		work    handler
		cookies int
	}{{"yes", setPersistent(true), 1}, {"no", setPersistent(false), 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = c.cookies == 0 }).seed(count)
				v.do(c.work)
				ticket := v.cookie.Value
				for _, work := range []handler{look, count} { // by a touch, by a write
					pass(session.DefaultIdleTimeout / 2)
					cookies := v.do(work).Cookies()
					if len(cookies) != c.cookies || c.cookies == 1 && (cookies[0].MaxAge != 3600 || cookies[0].Value != ticket) {
						t.Errorf("Set-Cookie %v", cookies)
					}
				}
			})
		})
	}
}

func TestSetPersistentAfterTheHeaderIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		s.SetPersistent(true)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("%v, want ErrHeaderSent", err)
		}
	})
	if calls := e.store.taken(); calls[opUpdate] != 0 {
		t.Errorf("store calls %v: something was stored", calls)
	}
	wantNoCookie(t, v.do(count))
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
			v := e.seed(count)
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
