package sessiontest_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/core/sessiontest"
)

var cart = session.NewKey[[]string]("cart")

// An app is what an application has: sessions, a protection, and a handler.
type app struct {
	sessions   *session.Manager
	protection *csrf.Protection
	handler    http.Handler
}

func newApp(tb testing.TB, configure ...func(*session.Options)) app {
	tb.Helper()
	o := session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler)}
	for _, f := range configure {
		f(&o)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), o)
	if err != nil {
		tb.Fatal(err)
	}
	protection, err := csrf.New(sessions, csrf.Options{Logger: o.Logger})
	if err != nil {
		tb.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /who", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		_, _ = w.Write([]byte(s.Subject()))
	}))
	mux.Handle("POST /order", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Delete(s)
		s.Flash("success", "ordered")
	}))
	mux.Handle("POST /logout", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }))
	return app{sessions, protection, sessions.Handler(protection.Handler(mux))}
}

func (a app) send(r *http.Request) *http.Response {
	w := httptest.NewRecorder()
	a.handler.ServeHTTP(w, r)
	return w.Result()
}

func signedIn(s *session.Session) {
	s.Authenticate("ann")
	cart.Set(s, []string{"coat"})
}

func transports() map[string]func(*session.Options) {
	return map[string]func(*session.Options){
		"cookie":        func(*session.Options) {},
		"header field":  func(o *session.Options) { o.Header = "X-Session" },
		"Authorization": func(o *session.Options) { o.Header = "Authorization" },
	}
}

func TestAPreparedVisitorUsesTheHandler(t *testing.T) {
	t.Parallel()
	for name, transport := range transports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, transport)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/order", http.NoBody)
			if res := a.send(r); res.StatusCode != http.StatusForbidden {
				t.Fatalf("without a session: status %d, want 403", res.StatusCode)
			}
			r = sessiontest.Request(t, a.sessions, r, signedIn)
			r.Header.Set("X-Csrf-Token", sessiontest.CSRFToken(t, a.sessions, a.protection, r))
			res := a.send(r)
			if res.StatusCode != http.StatusOK {
				t.Fatalf("status %d, want 200", res.StatusCode)
			}
			s := sessiontest.Session(t, a.sessions, r, res)
			if s.Subject() != "ann" || len(cart.Get(s)) != 0 {
				t.Errorf("afterwards %q has the cart %v", s.Subject(), cart.Get(s))
			}
		})
	}
}

func TestASessionThatIsOverIsNewAndEmpty(t *testing.T) {
	t.Parallel()
	for name, transport := range transports() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := newApp(t, transport)
			r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/logout", http.NoBody)
			r = sessiontest.Request(t, a.sessions, r, signedIn)
			r.Header.Set("X-Csrf-Token", sessiontest.CSRFToken(t, a.sessions, a.protection, r))
			res := a.send(r)
			if s := sessiontest.Session(t, a.sessions, r, res); !s.IsNew() || s.Subject() != "" {
				t.Errorf("after the logout %q is signed in, new: %v", s.Subject(), s.IsNew())
			}
		})
	}
}

func TestAPreparedSessionGoesOnWithAnotherRequest(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	r := sessiontest.Request(t, a.sessions, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/who", http.NoBody), signedIn)
	r = sessiontest.Request(t, a.sessions, r, func(s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("the second preparation gets %q's session", s.Subject())
		}
		cart.Update(s, func(c []string) []string { return append(c, "hat") })
	})
	if got := cart.Get(sessiontest.Session(t, a.sessions, r, a.send(r))); len(got) != 2 {
		t.Errorf("the cart is %v, want both", got)
	}
}

func TestTheCookieWorksInAJar(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(o *session.Options) { o.Cookie.Insecure = true })
	server := httptest.NewServer(a.handler)
	defer server.Close()
	at, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	r := sessiontest.Request(t, a.sessions, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody), signedIn)
	jar.SetCookies(at, r.Cookies())
	client := server.Client()
	client.Jar = jar
	get, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/who", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(get)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close() //nolint:errcheck // it is read
	var body strings.Builder
	if err := res.Write(&body); err != nil || !strings.HasSuffix(body.String(), "ann") {
		t.Errorf("%q, %v; want that ann is signed in", body.String(), err)
	}
}

func TestAPreparedSessionExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := newApp(t)
		r := sessiontest.Request(t, a.sessions, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/who", http.NoBody), signedIn)
		<-time.After(session.DefaultIdleTimeout)
		if s := sessiontest.Session(t, a.sessions, r, a.send(r)); s.Subject() != "" {
			t.Error("the session has outlived its idle timeout")
		}
	})
}

func TestAVisitorWithNothingInTheirSessionHasOne(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	r := sessiontest.Request(t, a.sessions, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/who", http.NoBody), nil)
	if s := sessiontest.Session(t, a.sessions, r, a.send(r)); s.IsNew() {
		t.Error("the visitor has no session")
	}
}

// A failing TB keeps what a helper fails with.
type failing struct {
	testing.TB

	said string
}

func (f *failing) Helper() {}

func (f *failing) Fatalf(format string, args ...any) {
	f.said = fmt.Sprintf(format, args...)
	runtime.Goexit()
}

// failure returns what call fails with, or "".
func failure(t *testing.T, call func(tb *failing)) string {
	t.Helper()
	tb := &failing{TB: t}
	var wg sync.WaitGroup
	wg.Go(func() { call(tb) })
	wg.Wait()
	return tb.said
}

func TestARuleThatSkipsTheRootIsNoHindrance(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(o *session.Options) {
		o.Skip = []func(*http.Request) bool{func(r *http.Request) bool { return r.URL.Path != "/who" }}
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/who", http.NoBody)
	r = sessiontest.Request(t, a.sessions, r, signedIn)
	if sessiontest.CSRFToken(t, a.sessions, a.protection, r) == "" {
		t.Error("no token")
	}
	if s := sessiontest.Session(t, a.sessions, r, a.send(r)); s.Subject() != "ann" {
		t.Errorf("%q is signed in, want ann", s.Subject())
	}
	said := failure(t, func(tb *failing) {
		sessiontest.Request(tb, a.sessions, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/other", http.NoBody), signedIn)
	})
	if !strings.Contains(said, session.ErrSkipped.Error()) {
		t.Errorf("a request that is skipped: %q, want what is wrong", said)
	}
}

// What a handler got knows the session as the handler left it, saved or not.
func TestARequestFromWithinTheHandlerIsRefused(t *testing.T) {
	t.Parallel()
	a := newApp(t)
	var within *http.Request
	h := a.sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, _ *session.Session) { within = r })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	h.ServeHTTP(httptest.NewRecorder(), r)
	for name, call := range map[string]func(tb *failing){
		"Request":   func(tb *failing) { sessiontest.Request(tb, a.sessions, within, signedIn) },
		"Session":   func(tb *failing) { sessiontest.Session(tb, a.sessions, within, &http.Response{}) },
		"CSRFToken": func(tb *failing) { sessiontest.CSRFToken(tb, a.sessions, a.protection, within) },
	} {
		if said := failure(t, call); !strings.Contains(said, "the request that was sent") {
			t.Errorf("%s: %q, want what is wrong", name, said)
		}
	}
}

func TestAFailureSaysWhatHasFailed(t *testing.T) {
	t.Parallel()
	a := newApp(t, func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, true })
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/who", http.NoBody)
	visitor := sessiontest.Request(t, a.sessions, r, signedIn)
	refused := failure(t, func(tb *failing) { sessiontest.Request(tb, a.sessions, r, signedIn) })
	if !strings.Contains(refused, session.ErrTooManySessions.Error()) {
		t.Errorf("one login too many: %q", refused)
	}
	none := failure(t, func(tb *failing) { sessiontest.CSRFToken(tb, a.sessions, a.protection, r) })
	if !strings.Contains(none, "make one with Request") {
		t.Errorf("a token without a session: %q", none)
	}
	down, err := session.New(unreachable{memstore.New(memstore.Options{})}, session.Options{
		Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	if said := failure(t, func(tb *failing) {
		r := sessiontest.Request(tb, down, r, signedIn)
		sessiontest.Session(tb, down, r, &http.Response{})
	}); !strings.Contains(said, errDown.Error()) {
		t.Errorf("a store that is down: %q, want its error", said)
	}
	if s := sessiontest.Session(t, a.sessions, visitor, &http.Response{}); s.Subject() != "ann" {
		t.Error("the first login is gone")
	}
}

// An unreachable store can't be read.
type unreachable struct{ *memstore.Store }

var errDown = errors.New("the store is down")

func (unreachable) Load(context.Context, string) (sessionstore.Record, error) {
	return sessionstore.Record{}, errDown
}
