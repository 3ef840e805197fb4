package command_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var (
	keys     = [][]byte{session.GenerateKey()}
	language = session.NewKey[string]("language")
)

// An application keeps its sessions in a store. All have the same keys.
type application struct {
	tb testing.TB
	m  *session.Manager
}

func newApplication(tb testing.TB, store sessionstore.Store) application {
	tb.Helper()
	m, err := session.New(store, session.Options{
		Keys: keys, Cookie: session.Cookie{Name: "s", Insecure: true}, StoreTimeout: backends.Patience,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return application{tb, m}
}

// visit is one request of a visitor with this cookie, if there is one. It returns the
// cookie that the visitor has then.
func (a application) visit(cookie *http.Cookie, f func(*session.Session)) *http.Cookie {
	a.tb.Helper()
	r := httptest.NewRequestWithContext(a.tb.Context(), http.MethodPost, "/", http.NoBody)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	a.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { f(s) }).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		a.tb.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if set := w.Result().Cookies(); len(set) > 0 {
		return set[0]
	}
	return cookie
}

// signIn returns the cookie of a visitor who has signed in, and the session's id.
func (a application) signIn(subject string) (cookie *http.Cookie, id string) {
	a.tb.Helper()
	cookie = a.visit(nil, func(s *session.Session) {
		s.Authenticate(subject)
		language.Set(s, "es")
		id = s.ID()
	})
	return cookie, id
}

// subject tells who is signed in with a cookie.
func (a application) subject(cookie *http.Cookie) (subject string) {
	a.tb.Helper()
	a.visit(cookie, func(s *session.Session) { subject = s.Subject() })
	return subject
}
