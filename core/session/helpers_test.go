package session_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Keys that the tests share.
var (
	counter = session.NewKey[int]("counter")
	cart    = session.NewKey[[]string]("cart")
	name    = session.NewKey[string]("name")
)

var errDown = errors.New("store is down")

var discard = slog.New(slog.DiscardHandler)

var farAway = time.Now().Add(time.Hour)

// handler is what most tests run: a handler with its session.
type handler = func(w http.ResponseWriter, r *http.Request, s *session.Session)

func nothing(http.ResponseWriter, *http.Request, *session.Session) {}

func authenticate(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("ann") }

func renew(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew() }

func destroy(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }

func increment(n int) int { return n + 1 }

func count(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Update(s, increment) }

// An env is a Manager over a memory store in which faults can be planted. When
// its test ends, it checks that nothing secret was logged.
type env struct {
	tb    testing.TB
	m     *session.Manager
	mem   *memstore.Store
	store *faultyStore
	logs  *syncBuffer

	mu      sync.Mutex
	secrets []string
}

func newEnv(tb testing.TB, configure ...func(*session.Options)) *env {
	tb.Helper()
	mem := memstore.New(memstore.Options{})
	e := &env{tb: tb, mem: mem, store: &faultyStore{inner: mem}, logs: &syncBuffer{}}
	e.m = e.manager(e.store, configure...)
	tb.Cleanup(e.checkLogs)
	return e
}

// manager returns another Manager that logs to the same place.
func (e *env) manager(store session.Store, configure ...func(*session.Options)) *session.Manager {
	e.tb.Helper()
	o := session.Options{Keys: [][]byte{testKey}, Logger: e.logs.logger()}
	for _, f := range configure {
		f(&o)
	}
	m, err := session.New(store, o)
	if err != nil {
		e.tb.Fatal(err)
	}
	return m
}

var testKey = session.GenerateKey()

// secret notes what must not be logged.
func (e *env) secret(value string) {
	if len(value) < 8 {
		return
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.secrets = append(e.secrets, value)
	if len(value) > 43 {
		e.secrets = append(e.secrets, value[:43], value[44:])
	}
}

func (e *env) checkLogs() {
	logged := e.logs.String()
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, secret := range e.secrets {
		if secret != "" && strings.Contains(logged, secret) {
			e.tb.Errorf("a ticket, or a part of one, was logged: %s", secret)
		}
	}
}

// record returns what is stored under a visitor's ticket.
func (e *env) record(v *visitor) (sessionstore.Record, error) {
	return e.mem.Load(e.tb.Context(), v.id())
}

// seed gives a new visitor a session with these values.
func (e *env) seed(f handler) *visitor {
	e.tb.Helper()
	v := e.visitor()
	v.do(f)
	if v.cookie == nil {
		e.tb.Fatal("seed: no cookie was set")
	}
	e.store.reset()
	return v
}

func (e *env) visitor() *visitor { return &visitor{e: e, m: e.m} }

// A visitor keeps one cookie, as a browser does.
type visitor struct {
	e      *env
	m      *session.Manager
	cookie *http.Cookie
}

// fork returns a visitor with the same cookie, for a request at the same time.
func (v *visitor) fork() *visitor {
	c := *v
	return &c
}

// id returns the store's id for the visitor's session. All its tickets have it.
func (v *visitor) id() string {
	v.e.tb.Helper()
	if v.cookie == nil {
		v.e.tb.Fatal("the visitor has no cookie")
	}
	return idOf(v.e.tb, v.cookie.Value)
}

// ticket returns what the visitor's cookie holds, "" if there is none.
func (v *visitor) ticket() string {
	if v.cookie == nil {
		return ""
	}
	return v.cookie.Value
}

func idOf(tb testing.TB, ticket string) string {
	tb.Helper()
	token, err := base64.RawURLEncoding.DecodeString(ticket[:43])
	if err != nil {
		tb.Fatal(err)
	}
	sum := sha256.Sum256(append([]byte("cloakroom session id\x00"), token[:16]...))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// do runs f as the handler of a request.
func (v *visitor) do(f handler) *http.Response {
	v.e.tb.Helper()
	return v.serve(v.m.HandlerFunc(f))
}

// serve sends a request to h and keeps the cookie of the answer.
func (v *visitor) serve(h http.Handler) *http.Response {
	v.e.tb.Helper()
	return v.within(v.e.tb.Context(), h)
}

// within is serve with a request that ctx ends: a client that goes away.
func (v *visitor) within(ctx context.Context, h http.Handler) *http.Response {
	v.e.tb.Helper()
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		v.e.secret(v.cookie.Value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return v.took(w.Result())
}

// took keeps the session's cookie of res.
func (v *visitor) took(res *http.Response) *http.Response {
	for _, c := range res.Cookies() {
		if !strings.HasSuffix(c.Name, "session") {
			continue
		}
		if v.cookie = c; c.MaxAge < 0 {
			v.cookie = nil
		}
		v.e.secret(c.Value)
	}
	return res
}

// read returns what a new request finds under k, and whether it finds it.
func read[T any](v *visitor, k session.Key[T]) (value T, found bool) {
	v.e.tb.Helper()
	res := v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { value, found = k.Lookup(s) })
	if res.StatusCode != http.StatusOK {
		v.e.tb.Fatalf("reading: status %d", res.StatusCode)
	}
	return value, found
}

// slow starts a request whose handler has its session and then waits. finish
// lets it go on with f and returns the answer.
func (v *visitor) slow(f handler) (finish func() *http.Response) {
	loaded, proceed, answer := make(chan struct{}), make(chan struct{}), make(chan *http.Response, 1)
	go func() {
		answer <- v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			close(loaded)
			<-proceed
			f(w, r, s)
		})
	}()
	<-loaded
	return func() *http.Response {
		close(proceed)
		return <-answer
	}
}

// ended reports whether nothing but a tombstone is left of a visitor's session.
func (e *env) ended(v *visitor) bool {
	e.tb.Helper()
	r, err := e.record(v)
	if err != nil && !errors.Is(err, session.ErrNotFound) {
		e.tb.Fatal(err)
	}
	return err != nil || session.IsTombstone(r)
}

// pass lets time go by; in a bubble it takes none.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func wantStatus(tb testing.TB, res *http.Response, want int) {
	tb.Helper()
	if res.StatusCode != want {
		tb.Errorf("status %d, want %d", res.StatusCode, want)
	}
}

func wantNoCookie(tb testing.TB, res *http.Response) {
	tb.Helper()
	if got := res.Header["Set-Cookie"]; got != nil {
		tb.Errorf("Set-Cookie: %q, want none", got)
	}
}

// wantOutage checks what a visitor gets while the store is down.
func wantOutage(tb testing.TB, res *http.Response) {
	tb.Helper()
	wantStatus(tb, res, http.StatusServiceUnavailable)
	wantNoCookie(tb, res)
	if res.Header.Get("Retry-After") == "" {
		tb.Error("no Retry-After")
	}
}

// A syncBuffer collects a log.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

func (b *syncBuffer) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(b, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

func request(tb testing.TB, cookie string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, "/", http.NoBody)
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	return r
}
