package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A page that polls gets a new ticket while the visitor, who has the old one still, does
// something. That counts for the new ticket as well.
func TestATicketThatAPassiveRequestBringsLastsAsLongAsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) {
			o.IdleTimeout, o.RenewEvery = 20*time.Minute, 5*time.Minute
			o.Passive = []func(*http.Request) bool{session.SkipHeader("Passive", "*")}
		})
		v := e.seed(signIn("ann", count))
		v.do(nothing)
		pass(15 * time.Minute)
		old := v.fork()
		poll := e.m.HandlerFunc(nothing)
		v.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("Passive", "yes")
			poll(w, r)
		}))
		if v.ticket() == old.ticket() {
			t.Fatal("the poll has brought no ticket")
		}
		pass(time.Second)
		old.do(count)
		pass(15 * time.Minute)
		if n, ok := read(v, counter); n != 2 {
			t.Errorf("counter %d, %v, 15 minutes after the session was used", n, ok)
		}
	})
}

// Another ticket may keep the record for longer, of a login with "remember me" whose
// answer was lost for instance. A poll that writes, or is handed a ticket, extends its own
// no more for that.
func TestAPassiveRequestExtendsNoTicketOfItsOwn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		renewEvery time.Duration
		poll       handler
	}{
		"it writes":             {0, count},
		"it is handed a ticket": {3 * time.Minute, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) {
					o.IdleTimeout, o.RenewEvery = 10*time.Minute, c.renewEvery
					o.Passive = []func(*http.Request) bool{session.SkipHeader("Passive", "*")}
				})
				v := e.seed(signIn("ann"))
				v.do(nothing)
				v.fork().do(signIn("ann", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Remember(24 * time.Hour) }))
				signedIn := 0
				poll := e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					if s.Subject() != "" {
						signedIn++
						c.poll(w, r, s)
					}
				})
				for range 5 {
					pass(4 * time.Minute)
					v.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
						r.Header.Set("Passive", "yes")
						poll.ServeHTTP(w, r)
					}))
				}
				if signedIn != 2 {
					t.Errorf("signed in at %d polls, want 2: the visitor was idle for 10 minutes", signedIn)
				}
			})
		})
	}
}

// But what it begins, or whom it signs in, lives as long as any other.
func TestAPassiveRequestBeginsAndSignsIn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) {
			o.Passive = []func(*http.Request) bool{func(*http.Request) bool { return true }}
		})
		v := e.visitor()
		wantStatus(t, v.do(count), http.StatusOK)
		pass(session.DefaultIdleTimeout / 2)
		wantStatus(t, v.do(authenticate), http.StatusOK)
		wantEnd(t, v, session.DefaultIdleTimeout)
	})
}
