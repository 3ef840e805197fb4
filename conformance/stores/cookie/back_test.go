package cookie_test

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Browsers keep pages to show them again without asking, in the HTTP cache and whole
// (the back/forward cache). Each case says what the visitor sees who signs out and
// goes back to a page with this Cache-Control.
var backs = []struct {
	rule         string
	cacheControl string
	want         string
}{
	{"a page with no-store is not shown again", "no-store", nobody},
	{"a page that may be kept is shown again", "private, max-age=600", "You are ann"},
}

const nobody = "You are nobody"

func TestWhatIsShownAfterSigningOut(t *testing.T) {
	t.Parallel()
	for _, c := range backs {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			port := browser.Serve(t, true, mirror(t, c.cacheControl))
			v := browser.NewWhole(t)
			address := func(path string) string { return "https://shop.test:" + port + path }
			v.Open(address("/login"))
			if got := v.Open(address("/profile")); got != "You are ann" {
				t.Fatalf("signed in, the page says %q", got)
			}
			v.Open(address("/logout"))
			if got := v.Back(address("/profile")); got != c.want {
				t.Errorf("the page says %q, want %q", got, c.want)
			}
			if got := v.Open(address("/profile?again")); got != nobody {
				t.Errorf("asked again, the page says %q", got)
			}
		})
	}
}

// mirror is an application whose /profile says who the visitor is.
func mirror(t *testing.T, cacheControl string) http.Handler {
	t.Helper()
	m, err := session.New(store, session.Options{Keys: keys, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	return m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		switch r.URL.Path {
		case "/login":
			s.Authenticate("ann")
		case "/logout":
			s.Destroy()
		case "/profile":
			w.Header().Set("Cache-Control", cacheControl)
		}
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, "<!doctype html><title>shop</title>You are %s", cmp.Or(s.Subject(), "nobody"))
	})
}
