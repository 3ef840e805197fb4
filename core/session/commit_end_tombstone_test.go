package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A page that was asked for before the logout, and comes ten minutes late, begins no
// session that would take the place of the next login's.
func TestAnEndedSessionsTicketIsQuietForTenMinutesAndThenUnknown(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*session.Options){
		"plain": func(*session.Options) {}, "sealed": sealed(t, session.GenerateKey()),
		"short sessions": func(o *session.Options) { o.IdleTimeout = time.Minute },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, configure)
				v := e.seed(signIn("ann", count))
				v.do(renew)
				first, second := v.fork(), v.fork()
				v.do(destroy)
				r, err := e.record(first)
				if err != nil || r.Subject != "" || time.Until(r.Expires) != 10*time.Minute {
					t.Errorf("a record of subject %q is left for %v, %v", r.Subject, time.Until(r.Expires), err)
				}
				pass(10*time.Minute - 1)
				wantNoCookie(t, first.do(count))
				if e.lost(second) {
					t.Error("a ticket is unknown 1 ns before the ten minutes are over")
				}
				pass(1)
				if !e.lost(second) {
					t.Error("a ticket is quiet after ten minutes")
				}
				first.do(count)
				if n, _ := read(first, counter); n != 1 || first.id() == second.id() {
					t.Errorf("counter %d, want 1 in another record", n)
				}
			})
		})
	}
}

// A browser sends several cookies of a name if their paths or domains differ.
func TestDestroyEndsAllSessionsThatTheVisitorHasBrought(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		good, second := e.seed(signIn("ann", count)), e.seed(signIn("bob", count))
		quiet := e.seed(signIn("eve", count))
		quiet.do(nothing)
		old := quiet.fork()
		quiet.do(renew)
		quiet.do(nothing)
		pass(renewGrace)
		r := newRequest(t)
		for _, v := range []*visitor{old, good, second} {
			r.AddCookie(v.cookie)
		}
		res := serveRequest(e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "ann" {
				t.Errorf("of three cookies the session is %q's, want that of the first good one", s.Subject())
			}
			s.Destroy()
		}), r)
		if c := res.Cookies(); len(c) != 1 || c[0].MaxAge >= 0 {
			t.Errorf("Set-Cookie %q, want a deletion", res.Header["Set-Cookie"])
		}
		if !e.ended(good) || !e.ended(second) {
			t.Error("a session that a cookie was good for lives on")
		}
		if !alive(quiet) {
			t.Error("a ticket that was retired long ago has ended its session")
		}
	})
}

func TestALogoutBesideEndlessWritersEndsWithStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		e.store.fail(sessionstore.ErrConflict, opUpdate)
		start := time.Now()
		wantOutage(t, v.do(destroy))
		if took := time.Since(start); took != session.DefaultStoreTimeout {
			t.Errorf("gave up after %v, want %v", took, session.DefaultStoreTimeout)
		}
	})
}
