package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// On a clock that does not stand still: time passes between the offer and the write.
func TestATicketThatIsOfferedHasItsWholeIdleTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, atMost(3))
		v := e.seed(count)
		pass(session.DefaultIdleTimeout - time.Minute)
		e.store.intercept(func(_ context.Context, _ op) error {
			<-time.After(250 * time.Millisecond)
			return nil
		})
		v.do(authenticate)
		pass(session.DefaultIdleTimeout - 10*time.Second)
		v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "ann" {
				t.Error("signed out before the idle timeout")
			}
		})
	})
}

func TestOfTwoCookiesAGoodOneGoesBeforeARetiredOne(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", count))
	v.do(nothing)
	old := v.fork()
	v.do(renew)
	v.do(nothing) // the old ticket is retired
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.AddCookie(old.cookie)
	r.AddCookie(v.cookie)
	w := httptest.NewRecorder()
	e.m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Renew()
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Renew with both: %v", err)
		}
	})(w, r)
	wantStatus(t, w.Result(), http.StatusOK)
}

// A browser keeps a cookie with another Path or Domain beside the one that follows it, and
// sends it first for the rest of the session.
func TestOfTwoCookiesOfASessionTheNewerCounts(t *testing.T) {
	t.Parallel()
	for _, first := range []string{"old", "new"} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t)
			v := e.login("ann")
			v.do(nothing)
			old := v.fork()
			v.do(stepTo("2fa", time.Hour))
			cookies := []*http.Cookie{old.cookie, v.cookie}
			if first == "new" {
				cookies[0], cookies[1] = cookies[1], cookies[0]
			}
			r := newRequest(t)
			for _, c := range cookies {
				r.AddCookie(c)
			}
			serveRequest(e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if !s.SteppedUp("2fa") {
					t.Errorf("the %s one comes first: what the visitor has proved is not there", first)
				}
			}), r)
			pass(renewGrace)
			if alive(old) {
				t.Errorf("the %s one came first: the old one was not retired", first)
			}
		})
	}
}

func TestOfTwoCookiesThatHoldASessionTheNewerCounts(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		old := "__Host-session=" + v.cookie.Value
		for range 2 {
			v.do(count)
		}
		for _, cookies := range []string{old + "; __Host-session=" + v.cookie.Value, "__Host-session=" + v.cookie.Value + "; " + old} {
			e.send(cookies, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != 3 {
					e.tb.Errorf("counter %d, want 3", n)
				}
			})
		}
	})
}

// A ticket that waits for its answer until another request may have dropped it is not handed
// out: the visitor's own is good still.
func TestATicketThatComesTooLateIsNotHandedOut(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				b := newBrowser(newEnv(t, func(o *session.Options) { o.IdleTimeout = 10 * time.Hour }))
				m.before(b)
				other := b.at(b.m)
				b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					m.make(w, r, s)
					if err := s.Commit(r.Context()); err != nil {
						t.Error(err)
					}
					pass(11 * time.Minute)
					other.do(fillCart) //nolint:contextcheck // another request
				})
				b.wantSignedIn()
			})
		})
	}
}

// Nor does it keep the request from signing out.
func TestDestroyEndsTheSessionThoughItsNewTicketIsGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := member(newEnv(t, func(o *session.Options) { o.IdleTimeout = 10 * time.Hour }))
		other := b.at(b.m)
		b.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Renew()
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
			pass(11 * time.Minute)
			other.do(fillCart) //nolint:contextcheck // another request
			s.Destroy()
		})
		other.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "" {
				t.Error("signed in after signing out")
			}
		})
	})
}
