package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestAFailingTouchDoesNotFailTheResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		pass(session.DefaultIdleTimeout / 2)
		e.store.fail(errDown, opTouch)
		res := v.do(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			_, _ = fmt.Fprint(w, counter.Get(s)) // the recorder takes everything
		})
		wantStatus(t, res, http.StatusOK)
		if calls := e.store.taken(); calls[opTouch] != 1 {
			t.Errorf("store calls %v, want one Touch", calls)
		}
	})
}
