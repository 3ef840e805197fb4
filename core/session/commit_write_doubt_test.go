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

// Of several Managers it is one's session that is meant. And it may not have been asked for.
func TestARefusalIsOfTheSessionThatItIsAbout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		another := e.manager(e.store)
		v := e.seed(signIn("ann"))
		v.do(nothing)
		pass(idle)
		v.do(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) { doubt.Request(r.Context(), another) })
		wantStatus(t, v.serve(e.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			doubt.Request(r.Context(), e.m)
		}))), http.StatusOK)
		wantEnd(t, v, session.DefaultIdleTimeout)
	})
}
