package stores_test

import (
	"context"
	"crypto/rand"
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"

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

// oauthTokens are what an application keeps of its provider's tokens.
type oauthTokens struct {
	Access, Refresh string
	Expires         time.Time
	Claim           string
	Until           time.Time
}

// TestARefreshTokenIsRedeemedOnce is what docs/signing-in.md proposes: of requests at the
// same moment one claims the work, and the others wait for what it has got.
func TestARefreshTokenIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	key := session.NewKey[oauthTokens]("tokens")
	var redeemed atomic.Int32
	access := func(ctx context.Context, s *session.Session) (string, error) {
		for {
			claim := rand.Text()
			key.Update(s, func(t oauthTokens) oauthTokens {
				if now := time.Now(); now.After(t.Expires) && now.After(t.Until) {
					t.Claim, t.Until = claim, now.Add(10*time.Second)
				}
				return t
			})
			if err := s.Commit(ctx); err != nil {
				return "", err
			}
			switch t := key.Get(s); {
			case time.Now().Before(t.Expires):
				return t.Access, nil
			case t.Claim == claim:
				redeemed.Add(1)
				<-time.After(time.Second) // the provider
				key.Set(s, oauthTokens{Access: "new", Expires: time.Now().Add(time.Hour)})
				return "new", s.Commit(ctx)
			}
			<-time.After(100 * time.Millisecond)
			if err := s.Reload(ctx); err != nil {
				return "", err
			}
		}
	}
	synctest.Test(t, func(t *testing.T) {
		m := manager(t, memstore.New(memstore.Options{}), lifeOptions())
		_, cookie := send(t, m, nil, func(_ context.Context, s *session.Session) {
			s.Authenticate("ann")
			key.Set(s, oauthTokens{Access: "old", Refresh: "once"})
		})
		var requests sync.WaitGroup
		for range 20 {
			requests.Go(func() {
				send(t, m, cookie, func(ctx context.Context, s *session.Session) {
					if token, err := access(ctx, s); token != "new" || err != nil {
						t.Errorf("got token %q, error %v", token, err)
					}
				})
			})
		}
		requests.Wait()
	})
	if n := redeemed.Load(); n != 1 {
		t.Errorf("redeemed %d times, want once", n)
	}
}

// TestAProviderSignsInByCodeAndPKCE is what docs/signing-in.md proposes, with a provider
// that checks the verifier: two tabs, a code of another visitor's, a state that was used.
func TestAProviderSignsInByCodeAndPKCE(t *testing.T) {
	t.Parallel()
	challenges := make(map[string]string) // by code
	provider := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if oauth2.S256ChallengeFromVerifier(r.FormValue("code_verifier")) != challenges[r.FormValue("code")] {
			http.Error(w, `{"error": "invalid_grant"}`, http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token": "ann", "token_type": "Bearer"}`)) // a test's
	}))
	defer provider.Close()
	config := oauth2.Config{ClientID: "shop", Endpoint: oauth2.Endpoint{AuthURL: provider.URL, TokenURL: provider.URL}}
	trips := session.NewKey[map[string]string]("oauth")
	sessions := manager(t, memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	mux := http.NewServeMux()
	mux.Handle("GET /login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		state, verifier := rand.Text(), oauth2.GenerateVerifier()
		trips.Update(s, func(m map[string]string) map[string]string {
			if len(m) >= 5 {
				clear(m)
			}
			m[state] = verifier
			return m
		})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
	}))
	mux.Handle("GET /callback", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		state := r.FormValue("state")
		verifier, ok := trips.Get(s)[state]
		if !ok {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		trips.Update(s, func(m map[string]string) map[string]string {
			delete(m, state)
			return m
		})
		token, err := config.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.Authenticate(token.AccessToken)
	}))
	begin := func(b browserOf, code string) (callback string) {
		t.Helper()
		location, err := b.send(t, mux, http.MethodGet, "/login", false).Location()
		if err != nil {
			t.Fatal(err)
		}
		challenges[code] = location.Query().Get("code_challenge")
		return "/callback?code=" + code + "&state=" + location.Query().Get("state")
	}

	ann, eve := make(browserOf), make(browserOf)
	firstTab, secondTab := begin(ann, "a1"), begin(ann, "a2")
	planted := begin(eve, "e1")
	for _, c := range []struct {
		path string
		want int
	}{
		{planted, http.StatusBadRequest}, // login CSRF: the state is another visitor's
		{firstTab, http.StatusOK},
		{firstTab, http.StatusBadRequest}, // again
		{secondTab, http.StatusOK},
	} {
		if res := ann.send(t, mux, http.MethodGet, c.path, false); res.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.path, res.Status, c.want)
		}
	}
	if list, err := sessions.List(t.Context(), "ann"); len(list) != 1 || err != nil {
		t.Errorf("%d sessions, error %v, want 1", len(list), err)
	}
}
