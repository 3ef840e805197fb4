package stores_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A browserOf keeps cookies, and sends those that SameSite lets through.
type browserOf map[string]*http.Cookie

// send sends a request to h. From another site it brings SameSite=None cookies only.
func (b browserOf) send(t *testing.T, h http.Handler, method, path string, crossSite bool) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, http.NoBody)
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	if crossSite {
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
	}
	for _, c := range b {
		if !crossSite || c.SameSite == http.SameSiteNoneMode {
			r.AddCookie(c)
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		b[c.Name] = c
	}
	return w.Result()
}

// TestALoginThatComesBackByPOSTKeepsTheCart is what docs/signing-in.md proposes for
// SAML and form_post: a second, short session whose cookie other sites' forms send.
func TestALoginThatComesBackByPOSTKeepsTheCart(t *testing.T) {
	t.Parallel()
	store := memstore.New(memstore.Options{})
	sessions := manager(t, store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	handshake := manager(t, store, session.Options{
		Keys:            [][]byte{session.GenerateKey()},
		Cookie:          session.Cookie{Name: "__Host-handshake", SameSite: http.SameSiteNoneMode},
		IdleTimeout:     10 * time.Minute,
		AbsoluteTimeout: 10 * time.Minute,
	})
	state, proved := session.NewKey[string]("state"), session.NewKey[string]("proved")
	mux := http.NewServeMux()
	mux.Handle("POST /cart", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		count(r.Context(), s)
	}))
	mux.Handle("GET /sso", handshake.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, hs *session.Session) {
		state.Set(hs, "x")
	}))
	mux.Handle("POST /sso/return", handshake.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, hs *session.Session) {
		if got, _ := state.Pop(hs); got != "x" {
			t.Errorf("the handshake's session has the state %q", got)
		}
		proved.Set(hs, "ann")
	}))
	mux.Handle("GET /sso/finish", handshake.Handler(sessions.HandlerFunc(
		func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			hs, err := handshake.Get(r)
			if err != nil {
				t.Error(err)
				return
			}
			if subject, ok := proved.Pop(hs); ok {
				s.Authenticate(subject)
			}
		})))

	b := make(browserOf)
	b.send(t, mux, http.MethodPost, "/cart", false)
	b.send(t, mux, http.MethodGet, "/sso", false)
	b.send(t, mux, http.MethodPost, "/sso/return", true)
	b.send(t, mux, http.MethodGet, "/sso/finish", false)
	list, err := sessions.List(t.Context(), "ann")
	if err != nil || len(list) != 1 {
		t.Fatalf("%d sessions, error %v, want 1", len(list), err)
	}
	if n, _ := counter.From(list[0]); n != 1 {
		t.Errorf("the cart counts %d, want 1", n)
	}
}

// TestAPaymentReturnReplacesNoLogin: a form of another site, which Lax keeps the cookie
// back from, stores nothing and sets no cookie.
func TestAPaymentReturnReplacesNoLogin(t *testing.T) {
	t.Parallel()
	sessions := manager(t, memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
	}))
	mux.Handle("POST /payment/return", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Flash("success", "Paid.")
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		if s.ID() != "" || s.Subject() != "" {
			t.Errorf("a session %q of %q", s.ID(), s.Subject())
		}
		http.Redirect(w, r, "/orders/1", http.StatusSeeOther)
	}))
	mux.Handle("GET /orders/1", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("signed in as %q, want ann", s.Subject())
		}
	}))
	b := make(browserOf)
	b.send(t, mux, http.MethodPost, "/login", false)
	res := b.send(t, mux, http.MethodPost, "/payment/return", true)
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) > 0 {
		t.Errorf("status %s, %d cookies; want 303 and none", res.Status, len(res.Cookies()))
	}
	b.send(t, mux, http.MethodGet, "/orders/1", false)
}
