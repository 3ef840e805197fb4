package dbsc_test

import (
	"bytes"
	"context"
	"crypto"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// The names of the draft, and the cookies of a site.
const (
	registration = "Secure-Session-Registration"
	response     = "Secure-Session-Response"
	challenge    = "Secure-Session-Challenge"
	sessionID    = "Sec-Secure-Session-Id"
	ticketCookie = "__Host-session"
	boundCookie  = "__Host-session-device"
)

// A site is an application whose /vault requires the device.
type site struct {
	t        testing.TB
	store    *failingStore
	opts     session.Options
	bopts    dbsc.Options
	sessions *session.Manager
	binder   *dbsc.Binder
	handler  http.Handler
	logs     *syncBuffer

	mu     sync.Mutex
	events []dbsc.Event
}

func newSite(tb testing.TB, configure ...func(*session.Options, *dbsc.Options)) *site {
	tb.Helper()
	st := &site{t: tb, store: &failingStore{Store: memstore.New(memstore.Options{})}, logs: &syncBuffer{}}
	st.opts = session.Options{Keys: [][]byte{session.GenerateKey()}, Logger: slog.New(slog.NewTextHandler(st.logs, nil))}
	st.bopts = dbsc.Options{Logger: st.opts.Logger, OnEvent: func(_ context.Context, e dbsc.Event) {
		st.mu.Lock()
		defer st.mu.Unlock()
		st.events = append(st.events, e)
	}}
	for _, f := range configure {
		f(&st.opts, &st.bopts)
	}
	st.start()
	return st
}

// start starts the application, over what is stored.
func (st *site) start() {
	st.t.Helper()
	var err error
	if st.sessions, err = session.New(st.store, st.opts); err != nil {
		st.t.Fatal(err)
	}
	if st.binder, err = dbsc.New(st.sessions, st.bopts); err != nil {
		st.t.Fatal(err)
	}
	mux := http.NewServeMux()
	page := func(f func(http.ResponseWriter, *http.Request, *session.Session)) http.Handler {
		return st.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			f(w, r, s)
			w.Header().Set("Status", st.binder.Status(r, s).String())
			w.Header().Set("Subject", s.Subject())
		})
	}
	mux.Handle("/login/{subject}", page(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(r.PathValue("subject"))
		st.binder.Offer(w, s)
	}))
	mux.Handle("/silent/{subject}", page(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(r.PathValue("subject"))
	}))
	mux.Handle("/offer", page(func(w http.ResponseWriter, _ *http.Request, s *session.Session) { st.binder.Offer(w, s) }))
	mux.Handle("/logout", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }))
	mux.Handle("/clear", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear() }))
	mux.Handle("/renew", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew() }))
	mux.Handle("/move-in", page(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.MoveIn(r.Context(), "over there", "ann", func() error { return nil }); err != nil {
			st.t.Error(err)
		}
	}))
	mux.Handle("/again", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Reauthenticate() }))
	mux.Handle("/step-up", page(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepUp("2fa", time.Hour) }))
	mux.Handle("/act/{subject}", page(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Impersonate(r.Context(), r.PathValue("subject"), time.Hour); err != nil {
			st.t.Errorf("Impersonate: %v", err)
		}
	}))
	mux.Handle("/back", page(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.StopImpersonating(r.Context()); err != nil {
			st.t.Errorf("StopImpersonating: %v", err)
		}
	}))
	mux.Handle("/", page(func(http.ResponseWriter, *http.Request, *session.Session) {}))
	mux.Handle("/vault", st.binder.RefuseUnproven(page(func(http.ResponseWriter, *http.Request, *session.Session) {}), nil))
	mux.HandleFunc("/static", func(http.ResponseWriter, *http.Request) {})
	st.handler = st.sessions.Handler(st.binder.Handler(mux))
}

func (st *site) seen(kind dbsc.EventKind) (events []dbsc.Event) {
	st.mu.Lock()
	defer st.mu.Unlock()
	for _, e := range st.events {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// A browser keeps cookies, and binds sessions as Chromium does.
type browser struct {
	t       testing.TB
	st      *site
	jar     map[string]*http.Cookie
	dies    map[string]time.Time // of the cookies with an age
	signer  crypto.Signer        // nil: it binds nothing
	offered string               // the challenge of an offer that it has not taken
	id      string               // of its bound session; "" if it has none
	next    string               // the challenge for its next proof
}

func (st *site) browser(signer crypto.Signer) *browser {
	return &browser{t: st.t, st: st, jar: map[string]*http.Cookie{}, dies: map[string]time.Time{}, signer: signer}
}

// device returns a browser with a key of P-256.
func (st *site) device() *browser { return st.browser(ecKey(st.t)) }

// steal returns another browser, with a copy of all cookies, and with no key.
func (b *browser) steal() *browser {
	thief := b.st.browser(nil)
	for name, c := range b.jar {
		thief.jar[name] = c
		thief.dies[name] = time.Now().Add(24 * time.Hour) // a thief keeps what they have
	}
	return thief
}

// send sends a request with the browser's cookies, and does not look at the answer.
func (b *browser) send(method, path string, header ...string) *http.Response {
	b.t.Helper()
	r := httptest.NewRequestWithContext(b.t.Context(), method, path, http.NoBody)
	for name, c := range b.jar {
		if b.has(name) {
			r.AddCookie(&http.Cookie{Name: name, Value: c.Value})
		}
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	b.st.handler.ServeHTTP(w, r)
	return w.Result()
}

var (
	offerForm     = regexp.MustCompile(`^\(ES256 RS256\);path="([^"]*)";challenge="([A-Za-z0-9_-]+)"$`)
	challengeForm = regexp.MustCompile(`^"([A-Za-z0-9_-]+)";id="([^"]+)"$`)
)

// take keeps what an answer brings.
func (b *browser) take(res *http.Response) *http.Response {
	b.t.Helper()
	for _, c := range res.Cookies() {
		delete(b.dies, c.Name)
		if b.jar[c.Name] = c; c.MaxAge < 0 {
			delete(b.jar, c.Name)
		} else if c.MaxAge > 0 {
			b.dies[c.Name] = time.Now().Add(time.Duration(c.MaxAge) * time.Second)
		}
	}
	if field := res.Header.Get(registration); field != "" {
		m := offerForm.FindStringSubmatch(field)
		if len(m) != 3 || m[1] != dbsc.DefaultPath {
			b.t.Fatalf("offer: %q", field)
		}
		b.offered = m[2]
	}
	if field := res.Header.Get(challenge); field != "" {
		m := challengeForm.FindStringSubmatch(field)
		if len(m) != 3 {
			b.t.Fatalf("challenge: %q", field)
		}
		if m[2] == b.id {
			b.next = m[1]
		}
	}
	return res
}

// visit sends a request as a browser does that binds sessions: it refreshes the bound
// cookie first if it has none, and takes an offer afterwards.
func (b *browser) visit(path string, header ...string) *http.Response {
	b.t.Helper()
	if b.id != "" && !b.has(boundCookie) {
		b.refresh()
	}
	res := b.take(b.send(http.MethodGet, path, header...))
	if b.offered != "" && b.signer != nil {
		b.register(b.offered)
		b.offered = ""
	}
	return res
}

// has reports whether the browser has a cookie that has not run out.
func (b *browser) has(name string) bool {
	dies, aged := b.dies[name]
	return b.jar[name] != nil && (!aged || time.Now().Before(dies))
}

func (b *browser) register(offer string) *http.Response {
	b.t.Helper()
	return b.registered(b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(offer, true)))
}

// registered keeps what the answer to a registration brings, the challenge for the first
// proof included.
func (b *browser) registered(res *http.Response) *http.Response {
	b.t.Helper()
	if res.StatusCode == http.StatusOK {
		b.id = instructionsOf(b.t, res)
	}
	return b.take(res)
}

// refresh proves that the browser has the key, as often as it is asked to, within reason.
func (b *browser) refresh() *http.Response {
	b.t.Helper()
	var res *http.Response
	for range 3 {
		header := []string{sessionID, b.id}
		if b.next != "" {
			header = append(header, response, b.proof(b.next, false))
		}
		res = b.take(b.send(http.MethodPost, dbsc.DefaultPath, header...))
		if res.StatusCode != http.StatusForbidden {
			break
		}
	}
	switch {
	case res.StatusCode == http.StatusOK:
		if id := instructionsOf(b.t, res); id != b.id {
			b.t.Errorf("refreshed as %s, want %s", id, b.id)
		}
	case res.StatusCode >= 400 && res.StatusCode < 500 && res.StatusCode != http.StatusForbidden:
		b.id, b.next = "", "" // for good
	}
	return res
}

// instructionsOf checks what the browser is told, and returns the session's identifier.
func instructionsOf(tb testing.TB, res *http.Response) string {
	tb.Helper()
	var told struct {
		ID    string `json:"session_identifier"`
		URL   string `json:"refresh_url"`
		Scope struct {
			Site *bool `json:"include_site"`
		} `json:"scope"`
		Credentials []struct {
			Type       string `json:"type"`
			Name       string `json:"name"`
			Attributes string `json:"attributes"`
		} `json:"credentials"`
	}
	if err := json.NewDecoder(res.Body).Decode(&told); err != nil {
		tb.Fatal(err)
	}
	if len(told.Credentials) != 1 || told.ID == "" || told.URL != dbsc.DefaultPath || told.Scope.Site == nil || *told.Scope.Site {
		tb.Fatalf("instructions: %+v", told)
	}
	c := told.Credentials[0]
	if c.Type != "cookie" || c.Name != boundCookie || c.Attributes != "Path=/; HttpOnly; Secure; SameSite=Lax" {
		tb.Fatalf("credential: %+v", c)
	}
	return told.ID
}

// want checks the status of an answer.
func want(tb testing.TB, status int, res *http.Response, what string) {
	tb.Helper()
	if res.StatusCode != status {
		tb.Errorf("%s: status %d, want %d", what, res.StatusCode, status)
	}
}

// wantStatus checks how the site's page sees the request.
func wantStatus(tb testing.TB, status dbsc.Status, res *http.Response, what string) {
	tb.Helper()
	if got := res.Header.Get("Status"); got != status.String() {
		tb.Errorf("%s: %s, want %s", what, got, status)
	}
}

// signIn signs ann in, and waits until the login is bound.
func (b *browser) signIn() {
	b.t.Helper()
	b.visit("/login/ann")
	wantStatus(b.t, dbsc.Bound, b.visit("/"), "after signing in")
}

type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func contains(list []string, s string) bool { return strings.Contains(strings.Join(list, "\n"), s) }
