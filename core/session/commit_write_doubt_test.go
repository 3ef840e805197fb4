package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/doubt"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// doubted returns a handler whose request is refused, because its ticket may be a copy, and
// which then does more.
func doubted(e *env, more handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		doubt.Request(r.Context(), e.m)
		more(w, r, s)
	}
}

func TestARefusedRequestDoesNotExtendTheSession(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"reads": nothing, "writes": count} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(signIn("ann"))
				v.do(nothing)
				pass(idle)
				v.fork().do(doubted(e, work))
				wantEnd(t, v, session.DefaultIdleTimeout-idle)
			})
		})
	}
}

// Whoever may have copied it shares no session with the next login.
func TestATicketThatIsDoubtedIsRetiredByALoginWithIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann"))
		old := v.fork()
		v.do(doubted(e, authenticate))
		v.is("ann", "")
		pass(session.DefaultRenewGrace + time.Second)
		old.is("", "")
		v.is("ann", "")
	})
}

func TestARefusedRequestGetsNoTicket(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"reads": nothing, "writes": count} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, renewing)
			v := e.seed(signIn("ann"))
			v.do(nothing)
			pass(renewEvery)
			if offers(v.fork().do(doubted(e, work))) {
				t.Errorf("one that %s is handed a ticket", name)
			}
			if !offers(v.do(nothing)) {
				t.Error("none was due")
			}
		})
	}
}
