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
