package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestWhatIsSetAroundUsStaysOnTheResponseThatReplacesTheHandlers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.fail(errDown, opLoad)
	inner := e.m.HandlerFunc(func(http.ResponseWriter, *http.Request, *session.Session) {})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.AddCookie(v.cookie)
	w := httptest.NewRecorder()
	w.Header().Set("Content-Encoding", "gzip") // by a compressor
	w.Header().Add("Set-Cookie", "ad=1")
	etag := "ETag" // as it is written
	w.Header()[etag] = []string{"around us"}
	inner(w, r)
	if got := w.Header()[etag]; len(got) != 1 {
		t.Errorf("ETag %q, want that of who is around us", got)
	}
	if w.Code != http.StatusServiceUnavailable || w.Header().Get("Content-Encoding") != "gzip" || w.Header().Get("Set-Cookie") != "ad=1" {
		t.Errorf("%d %v, want 503 with both fields", w.Code, w.Header())
	}
}
