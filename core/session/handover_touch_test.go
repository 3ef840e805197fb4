package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestASlowReaderUndoesNoShorterTimeout has a page that saw the session while it
// could go unused for long, and extends it when it no longer can.
func TestASlowReaderUndoesNoShorterTimeout(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("store without Touch %v", plain), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if plain {
					e.m = e.manager(plainStore{e.store})
				}
				b := member(e)
				finish := b.start(nothing)
				pass(session.DefaultIdleTimeout / 2)
				b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetIdleTimeout(5 * time.Minute) })
				wantStatus(t, finish(), http.StatusOK)
				pass(5 * time.Minute)
				b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() != "" {
						t.Error("the session outlives its idle timeout")
					}
				})
			})
		})
	}
}
