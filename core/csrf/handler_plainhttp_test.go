package csrf_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// To reload the page, as an expired form asks for, does not help there.
func TestARefusalNamesPlainHTTPWhereBrowsersDropTheCookie(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]string{
		"http://shop.example/":   "plain http",
		"http://localhost:8080/": "Reload the page",
	} {
		var logs strings.Builder
		sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
		if err != nil {
			t.Fatal(err)
		}
		protection, err := csrf.New(sessions, csrf.Options{Logger: slog.New(slog.NewTextHandler(&logs, nil))})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
		sessions.Handler(protection.Handler(http.NotFoundHandler())).ServeHTTP(w, r)
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %q, want it to say %q", url, w.Code, w.Body, want)
		}
		if said := strings.Contains(logs.String(), "Cookie.Insecure"); said != (want == "plain http") {
			t.Errorf("%s: logged %q", url, logs.String())
		}
	}
}
