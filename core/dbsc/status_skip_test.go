package dbsc_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestARequestThatIsSkippedIsNobodys: session.Options.Skip has taken it out, so that nothing
// of the session can be reached, as without its cookie.
func TestARequestThatIsSkippedIsNobodys(t *testing.T) {
	t.Parallel()
	st := newSite(t, func(o *session.Options, _ *dbsc.Options) {
		o.Skip = []func(*http.Request) bool{session.SkipHeader("X-Probe", "*")}
	})
	var err error
	inside := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, err = st.sessions.Get(r) })
	vault := st.binder.RefuseUnproven(inside, nil)
	pages := st.handler
	b := st.device()
	b.signIn()
	delete(b.jar, boundCookie)
	for name, h := range map[string]http.Handler{"by itself": vault, "within Handler": st.sessions.Handler(vault)} {
		st.handler = h
		want(t, http.StatusForbidden, b.send(http.MethodGet, "/vault"), name+", not skipped")
		err = nil
		want(t, http.StatusOK, b.send(http.MethodGet, "/vault", "X-Probe", "1"), name)
		if !errors.Is(err, session.ErrSkipped) {
			t.Errorf("%s: Get says %v", name, err)
		}
	}
	st.handler = pages
	want(t, http.StatusServiceUnavailable, b.send(http.MethodPost, dbsc.DefaultPath, sessionID, b.id, "X-Probe", "1"), "a refresh")
	if rejected := st.seen(dbsc.EventProofRefused); len(rejected) != 1 || !errors.Is(rejected[0].Err, session.ErrSkipped) {
		t.Errorf("events: %v", rejected)
	}
	want(t, http.StatusOK, b.visit("/vault"), "the browser keeps its key")
}
