package device_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/leaks"
	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestMain(m *testing.M) {
	// Chromium signs a few times in some minutes, and not without hardware, unless it is
	// told to.
	browser.Enable("DeviceBoundSessions:RefreshQuota/false", "EnableBoundSessionCredentialsSoftwareKeysForManualTesting")
	leaks.Exit(m, browser.Stop)
}

const boundCookie = "__Host-session-device"

// patience bounds what is waited for. It only ends what hangs.
const patience = 5 * time.Minute

// A trouble is what the server does to requests.
type trouble int

const (
	none        trouble = iota
	unavailable         // answers that it can't, as with a store that is down
	cut                 // cuts the connection
	torn                // cuts what is answered at dbsc.DefaultPath after the header
)

// A shop is an application whose /vault requires the device. It answers under every host
// name.
type shop struct {
	t     *testing.T
	store session.Store
	opts  session.Options
	port  string

	trouble  atomic.Int32
	mu       sync.Mutex
	sessions *session.Manager
	site     http.Handler
	answers  []int // the statuses of what browsers were told at dbsc.DefaultPath
	events   []dbsc.Event
}

// open starts a shop whose bound cookies live so long. They are short ones where a test
// has to wait until they run out.
func open(t *testing.T, lifetime time.Duration) *shop {
	t.Helper()
	browser.Need(t)
	s := &shop{t: t, store: memstore.New(memstore.Options{})}
	s.opts = session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.DiscardHandler), RenewGrace: time.Nanosecond}
	s.start(lifetime)
	s.port = browser.Serve(t, true, s)
	return s
}

// start starts the application, over what is stored.
func (s *shop) start(lifetime time.Duration) {
	s.t.Helper()
	sessions, err := session.New(s.store, s.opts)
	if err != nil {
		s.t.Fatal(err)
	}
	binder, err := dbsc.New(sessions, dbsc.Options{Lifetime: lifetime, Logger: s.opts.Logger, OnEvent: s.note})
	if err != nil {
		s.t.Fatal(err)
	}
	page := func(f func(http.ResponseWriter, *http.Request, *session.Session)) http.Handler {
		return sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(w, r, s)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = fmt.Fprintf(w, "<!doctype html><title>shop</title>%s %s", s.Subject(), binder.Status(r, s))
		})
	}
	nothing := func(http.ResponseWriter, *http.Request, *session.Session) {}
	mux := http.NewServeMux()
	mux.Handle("/", page(nothing))
	mux.Handle("/vault", binder.RefuseUnproven(page(nothing), nil))
	mux.Handle("/login/{subject}", page(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(r.PathValue("subject"))
		binder.Offer(w, s)
	}))
	mux.Handle("/redirect/{subject}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(r.PathValue("subject"))
		binder.Offer(w, s)
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("/logout", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }))
	mux.Handle("/renew", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew() }))
	mux.HandleFunc("/link", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = fmt.Fprintf(w, `<!doctype html><title>elsewhere</title><a href="%s">vault</a>`, s.url("/vault"))
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions, s.site = sessions, sessions.Handler(binder.Handler(mux))
}

func (s *shop) note(_ context.Context, e dbsc.Event) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.events = append(s.events, e)
}

func (s *shop) url(path string) string { return "https://shop.test:" + s.port + path }

// statusWriter remembers the status.
type statusWriter struct {
	http.ResponseWriter

	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// A tornWriter sends the header, and cuts the connection instead of the body.
type tornWriter struct{ http.ResponseWriter }

func (w *tornWriter) Write([]byte) (int, error) {
	_ = http.NewResponseController(w.ResponseWriter).Flush()
	panic(http.ErrAbortHandler)
}

func (s *shop) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/favicon.ico" { // browsers ask for it by themselves
		w.WriteHeader(http.StatusNotFound)
		return
	}
	switch trouble(s.trouble.Load()) {
	case unavailable:
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	case cut:
		panic(http.ErrAbortHandler)
	case torn:
		if r.URL.Path == dbsc.DefaultPath {
			w = &tornWriter{w}
		}
	case none:
	}
	s.mu.Lock()
	site := s.site
	s.mu.Unlock()
	seen := &statusWriter{ResponseWriter: w, status: http.StatusOK}
	if r.URL.Path == dbsc.DefaultPath {
		defer func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.answers = append(s.answers, seen.status)
		}()
	}
	site.ServeHTTP(seen, r)
}

// told returns what browsers were told at dbsc.DefaultPath.
func (s *shop) told() []int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.answers)
}

// count returns how often something has happened.
func (s *shop) count(kind dbsc.EventKind) (n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, e := range s.events {
		if e.Kind == kind {
			n++
		}
	}
	return n
}

// vault returns the status that a script on the shop's page gets for the vault, or 0 if
// there is no answer.
func (s *shop) vault(v *browser.Visitor) (status int) {
	s.t.Helper()
	const ask = `fetch("/vault").then(r => r.status).catch(() => 0)`
	v.Do(chromedp.Func(func(ctx context.Context, _ *chromedp.Target) (err error) {
		status, err = chromedp.Run(ctx, chromedp.Evaluate[int](ask, chromedp.EvalAwaitPromise))
		return err
	}))
	return status
}

// until waits until something holds.
func (s *shop) until(what string, holds func() bool) {
	s.t.Helper()
	for end := time.Now().Add(patience); !holds(); <-time.After(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("waited in vain: %s", what)
		}
	}
}

// signIn signs in, and waits until the browser has bound the login.
func (s *shop) signIn(v *browser.Visitor, subject string) {
	s.t.Helper()
	bound := s.count(dbsc.EventBound)
	v.Open(s.url("/login/" + subject))
	s.until("the browser binds the login", func() bool { v.Open(s.url("/")); return s.count(dbsc.EventBound) > bound })
	s.wantBound(v, subject, "after signing in")
}

// wantBound checks that the vault is open to a browser, as bound.
func (s *shop) wantBound(v *browser.Visitor, subject, when string) {
	s.t.Helper()
	if got, want := v.Open(s.url("/vault")), subject+" bound"; got != want {
		s.t.Errorf("%s: %q, want %q", when, got, want)
	}
}

// value returns the bound cookie's, or "".
func value(v *browser.Visitor) string {
	for _, c := range v.Cookies() {
		if c.Name == boundCookie {
			return c.Value
		}
	}
	return ""
}

// forget has the bound cookie gone, as if it had run out.
func forget(s *shop, v *browser.Visitor) {
	s.t.Helper()
	v.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, network.DeleteCookies, network.DeleteCookiesParams{Name: boundCookie, URL: s.url("/")})
		return err
	}))
	if value(v) != "" {
		s.t.Fatal("the cookie is still there")
	}
}

// copyTo gives another browser all cookies, for longer than they were meant for.
func copyTo(s *shop, from, to *browser.Visitor) {
	s.t.Helper()
	for _, c := range from.Cookies() {
		p := network.SetCookieParams{
			Name: c.Name, Value: c.Value, URL: s.url("/"), Path: c.Path, Secure: &c.Secure, HTTPOnly: &c.HTTPOnly,
			SameSite: c.SameSite, Expires: cdp.TimeSinceEpoch(time.Now().Add(24 * time.Hour).Unix()),
		}
		to.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := cdp.Call(ctx, t, network.SetCookie, p)
			return err
		}))
	}
	if len(to.Cookies()) != len(from.Cookies()) {
		s.t.Fatalf("copied %v, got %v", from.Cookies(), to.Cookies())
	}
}
