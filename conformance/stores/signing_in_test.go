package stores_test

import (
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
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

// TestALoginThatComesBackByPOSTKeepsTheCart is what docs/providers.md proposes for
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
// back from, stores nothing and sets no cookie. It stands beside what asks for tokens.
func TestAPaymentReturnReplacesNoLogin(t *testing.T) {
	t.Parallel()
	sessions := manager(t, memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
	}))
	protection, err := csrf.New(sessions, csrf.Options{})
	if err != nil {
		t.Fatal(err)
	}
	root := http.NewServeMux()
	root.Handle("POST /login", mux)
	root.Handle("/", sessions.Handler(http.NewCrossOriginProtection().Handler(protection.Handler(mux))))
	root.Handle("POST /payment/return", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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
	b.send(t, root, http.MethodPost, "/login", false)
	res := b.send(t, root, http.MethodPost, "/payment/return", true)
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) > 0 {
		t.Errorf("status %s, %d cookies; want 303 and none", res.Status, len(res.Cookies()))
	}
	b.send(t, root, http.MethodGet, "/orders/1", false)
}

// oauthTokens are what an application keeps of its provider's tokens.
type oauthTokens struct {
	Access, Refresh string
	Expires         time.Time
}

// TestARefreshTokenIsRedeemedOnce is what docs/providers.md proposes: of 50 requests at
// the same moment, on two processes, one redeems, and the others wait for what it has got.
func TestARefreshTokenIsRedeemedOnce(t *testing.T) {
	t.Parallel()
	key := session.NewKey[oauthTokens]("tokens")
	valid := func(t oauthTokens) bool { return time.Now().Before(t.Expires) }
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		o := lifeOptions()
		o.OnceTimeout = patience
		managers := []*session.Manager{manager(t, store, o), manager(t, store, o)}
		_, cookie := send(t, managers[0], nil, func(_ context.Context, s *session.Session) {
			s.Authenticate(subject())
			key.Set(s, oauthTokens{Access: "old", Refresh: "once"})
		})
		var redeemed atomic.Int32
		redeem := func(_ context.Context, old oauthTokens) (oauthTokens, error) {
			redeemed.Add(1)
			<-time.After(200 * time.Millisecond) // the provider
			if old.Refresh != "once" {
				return oauthTokens{}, errors.New("a refresh token is redeemed twice: " + old.Refresh)
			}
			return oauthTokens{Access: "new", Refresh: "next", Expires: time.Now().Add(time.Hour)}, nil
		}
		var requests sync.WaitGroup
		for i := range 50 {
			requests.Go(func() {
				send(t, managers[i%2], cookie, func(ctx context.Context, s *session.Session) {
					if got, err := key.Once(ctx, s, valid, redeem); got.Access != "new" || err != nil {
						t.Errorf("got token %q, error %v", got.Access, err)
					}
				})
			})
		}
		requests.Wait()
		if n := redeemed.Load(); n != 1 {
			t.Errorf("redeemed %d times, want once", n)
		}
	})
}

// A process that has died while it had the turn holds nobody up for longer than
// OnceTimeout.
func TestACrashInOnceHoldsUpNoLongerThanItsLimitOnEveryStore(t *testing.T) {
	t.Parallel()
	const limit = 2 * time.Second
	key := session.NewKey[int]("made")
	good := func(n int) bool { return n > 0 }
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		o := lifeOptions()
		o.OnceTimeout = limit
		dead, alive := manager(t, store, o), manager(t, store, o)
		_, cookie := send(t, dead, nil, func(_ context.Context, s *session.Session) { s.Authenticate(subject()) })
		began, crashed := make(chan struct{}), make(chan struct{})
		var crash sync.WaitGroup
		crash.Go(func() {
			send(t, dead, cookie, func(ctx context.Context, s *session.Session) {
				_, _ = key.Once(ctx, s, good, func(context.Context, int) (int, error) { // it never returns
					close(began)
					<-crashed
					runtime.Goexit()
					return 0, nil
				})
			})
		})
		<-began
		defer crash.Wait() // it may write to the store's folder until then
		defer close(crashed)
		send(t, alive, cookie, func(ctx context.Context, s *session.Session) {
			got, err := key.Once(ctx, s, good, func(ctx context.Context, _ int) (int, error) { return 1, ctx.Err() })
			if got != 1 || err != nil {
				t.Errorf("the next one got %d, error %v", got, err)
			}
		})
	})
}

// TestAProviderSignsInByCodeAndPKCE is what docs/providers.md proposes, with a provider
// that checks the verifier: two tabs, a code of another visitor's, a state that was used,
// and visitors whose own sessions store nothing until they sign in.
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
	trips, store := session.NewKey[map[string]string]("oauth"), memstore.New(memstore.Options{})
	keys := [][]byte{session.GenerateKey()}
	sessions := manager(t, store, session.Options{Keys: keys, MaxSessions: 1})
	handshake := manager(t, store, session.Options{
		Keys: keys, Cookie: session.Cookie{Name: "__Host-handshake"}, IdleTimeout: 10 * time.Minute, AbsoluteTimeout: 10 * time.Minute,
	})
	mux := http.NewServeMux()
	mux.Handle("GET /login", handshake.HandlerFunc(func(w http.ResponseWriter, r *http.Request, hs *session.Session) {
		state, verifier := rand.Text(), oauth2.GenerateVerifier()
		trips.Update(hs, func(m map[string]string) map[string]string {
			if len(m) >= 5 {
				clear(m)
			}
			m[state] = verifier
			return m
		})
		http.Redirect(w, r, config.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier)), http.StatusSeeOther)
	}))
	callback := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		hs, err := handshake.Get(r)
		if err != nil {
			t.Error(err)
			return
		}
		state := r.FormValue("state")
		verifier, ok := trips.Get(hs)[state]
		switch {
		case !ok && s.Subject() != "":
			w.WriteHeader(http.StatusSeeOther)
			return
		case !ok:
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		trips.Update(hs, func(m map[string]string) map[string]string {
			delete(m, state)
			return m
		})
		ctx := context.WithValue(r.Context(), oauth2.HTTPClient, provider.Client())
		token, err := config.Exchange(ctx, r.FormValue("code"), oauth2.VerifierOption(verifier))
		if err != nil {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		s.Authenticate(token.AccessToken)
	}
	mux.Handle("GET /callback", handshake.Handler(sessions.HandlerFunc(callback)))
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
		{firstTab, http.StatusSeeOther}, // again: signed in by now
		{secondTab, http.StatusOK},
	} {
		if res := ann.send(t, mux, http.MethodGet, c.path, false); res.StatusCode != c.want {
			t.Errorf("%s: %s, want %d", c.path, res.Status, c.want)
		}
	}
	if list, err := sessions.List(t.Context(), "ann"); len(list) != 1 || err != nil {
		t.Errorf("%d sessions, error %v, want 1", len(list), err)
	}

	// The answer that brings a login's ticket is lost; or the session has ended elsewhere.
	lost := make(browserOf)
	first := begin(lost, "l1")
	maps.Clone(lost).send(t, mux, http.MethodGet, first, false)
	for name, b := range map[string]browserOf{"lost": lost, "replaced": ann} {
		if res := b.send(t, mux, http.MethodGet, begin(b, name), false); res.StatusCode != http.StatusOK {
			t.Errorf("%s: signing in again: %s, want 200", name, res.Status)
		}
	}
}
