package dbsc_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
)

// TestWhoActsComesBackToTheirBinding: the session in which an administrator acts has no
// binding. Their own keeps its, however long they act and however the browser asks
// meanwhile.
func TestWhoActsComesBackToTheirBinding(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		acts time.Duration
		over bool // the impersonation ends by itself
	}{
		"at once":                  {0, false},
		"after the cookie is gone": {40 * time.Minute, false},
		"when its time is over":    {time.Hour + time.Minute, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t)
				b := st.device()
				b.signIn()
				bound := b.id
				pass := func(d time.Duration) {
					for ; d > 0; d -= 10 * time.Minute { // a page now and then
						<-time.After(min(d, 10*time.Minute))
						b.visit("/")
					}
				}
				b.visit("/act/bob")
				res := b.visit("/vault")
				wantStatus(t, dbsc.Unbound, res, "while acting")
				want(t, http.StatusOK, res, "while acting")
				if got := res.Header.Get("Subject"); got != "bob" {
					t.Errorf("acts as %q, want bob", got)
				}
				pass(c.acts)
				if got := b.visit("/").Header.Get("Subject"); (got == "bob") == c.over {
					t.Errorf("acts as %q, the time is over: %v", got, c.over)
				}
				if b.id != bound {
					t.Error("the browser has forgotten its key")
				}
				b.visit("/back")
				wantStatus(t, dbsc.Bound, b.visit("/vault"), "who has come back")
				want(t, http.StatusOK, b.refresh(), "who has come back")
				copied := b.steal()
				delete(copied.jar, boundCookie)
				want(t, http.StatusForbidden, copied.visit("/vault"), "a copy without the device")
			})
		})
	}
}
