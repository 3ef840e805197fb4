package dbsc_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestACopyThatIsRefusedMovesNothing: it is handed no ticket with the refusal, and the one
// that it has does not count as seen, or it would drive the visitor out. Nor does it keep
// the session alive.
func TestACopyThatIsRefusedMovesNothing(t *testing.T) {
	t.Parallel()
	noted := session.NewKey[int]("noted")
	for name, otherwise := range map[string]func(*site) http.Handler{
		"plain": func(*site) http.Handler { return nil },
		"a page that writes": func(st *site) http.Handler {
			return st.sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
				noted.Update(s, func(n int) int { return n + 1 })
				w.WriteHeader(http.StatusForbidden)
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t, func(o *session.Options, _ *dbsc.Options) { o.RenewEvery = 5 * time.Minute })
				pages := st.handler
				vault := st.binder.RefuseUnproven(pages, otherwise(st))
				st.handler = st.sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.URL.Path == "/vault" {
						vault.ServeHTTP(w, r)
					} else {
						pages.ServeHTTP(w, r)
					}
				}))
				b := st.device()
				b.signIn()
				refused := func(thief *browser, what string) {
					for _, res := range []*http.Response{
						thief.send(http.MethodGet, "/vault"),
						thief.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id),
					} {
						want(t, http.StatusForbidden, res, what)
						if contains(res.Header.Values("Set-Cookie"), ticketCookie+"=") {
							t.Errorf("%s: a ticket comes with the refusal", what)
						}
					}
				}
				thief := b.steal()
				delete(thief.jar, boundCookie)
				<-time.After(6 * time.Minute)
				refused(thief, "a ticket that is due for renewal")

				thief.take(b.send(http.MethodGet, "/renew")) // an answer that the visitor does not get
				delete(thief.jar, boundCookie)
				refused(thief, "a ticket that nobody has presented")
				<-time.After(time.Minute)
				if got := b.visit("/").Header.Get("Subject"); got != "ann" {
					t.Errorf("the visitor is %q, want ann", got)
				}
				wantStatus(t, dbsc.Bound, b.visit("/"), "the visitor")

				for range 3 {
					<-time.After(25 * time.Minute)
					thief.send(http.MethodGet, "/vault")
					thief.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id)
				}
				if got := b.send(http.MethodGet, "/").Header.Get("Subject"); got != "" {
					t.Errorf("after more than IdleTimeout the visitor is %q: the copy has kept the session alive", got)
				}
			})
		})
	}
}
