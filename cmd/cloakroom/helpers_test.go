package main

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/cmd/cloakroom/internal/storeurl"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A result is what a command has done.
type result struct {
	code           int
	stdout, stderr string
}

// cloakroom runs the command.
func cloakroom(t *testing.T, args ...string) result {
	t.Helper()
	return cloakroomOn(t.Context(), storeurl.Open, args...)
}

func cloakroomOn(ctx context.Context, open opener, args ...string) result {
	var stdout, stderr syncBuffer
	code := app{&stdout, &stderr, open}.run(ctx, args)
	return result{code, stdout.String(), stderr.String()}
}

// opens returns what opens these stores, by their names.
func opens(stores map[string]sessionstore.Store) opener {
	return func(_ context.Context, name string, _ storeurl.Options) (*storeurl.Opened, error) {
		return &storeurl.Opened{Store: stores[name], Where: name, Close: func() error { return nil }}, nil
	}
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

// want fails the test unless the command has ended with a code, and printed what a
// reader expects.
func (r result) want(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if r.code != code || !strings.Contains(r.stdout, stdout) || !strings.Contains(r.stderr, stderr) {
		t.Errorf("exit code %d, want %d with %q and %q; printed\n%s%s", r.code, code, stdout, stderr, r.stdout, r.stderr)
	}
}

// decoded returns what was printed as JSON.
func decoded[T any](t *testing.T, r result) T {
	t.Helper()
	var v T
	if err := json.Unmarshal([]byte(r.stdout), &v); r.code != exitDone || err != nil {
		t.Fatalf("exit code %d, %v: %s%s", r.code, err, r.stdout, r.stderr)
	}
	return v
}

// places are the addresses of an empty store of each kind that needs no server.
func places(t *testing.T) map[string]string {
	t.Helper()
	dir := t.TempDir()
	all := map[string]string{
		"file":   "file:" + filepath.ToSlash(filepath.Join(dir, "sessions")),
		"sqlite": "sqlite:" + filepath.ToSlash(filepath.Join(dir, "sessions.db")) + "?table=shop_sessions",
	}
	for _, address := range all {
		cloakroom(t, "migrate", "-store", address).want(t, exitDone, "has all that it needs", "")
	}
	return all
}

// An application keeps sessions in a store.
type application struct {
	t     *testing.T
	store sessionstore.Store
	m     *session.Manager
}

var testKey = session.GenerateKey()

func open(t *testing.T, address string, configure ...func(*session.Options)) *application {
	t.Helper()
	s, err := storeurl.Open(t.Context(), address, storeurl.Options{Timeout: time.Minute})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return on(t, s.Store, configure...)
}

func on(t *testing.T, store sessionstore.Store, configure ...func(*session.Options)) *application {
	t.Helper()
	o := session.Options{Keys: [][]byte{testKey}, Cookie: session.Cookie{Name: "s", Insecure: true}, MaxSize: 4 << 20}
	for _, f := range configure {
		f(&o)
	}
	m, err := session.New(store, o)
	if err != nil {
		t.Fatal(err)
	}
	return &application{t, store, m}
}

// visit is one request of a visitor with this cookie, if there is one. It returns the
// cookie that the visitor has then.
func (a *application) visit(cookie *http.Cookie, f func(*session.Session)) *http.Cookie {
	a.t.Helper()
	r := httptest.NewRequestWithContext(a.t.Context(), http.MethodPost, "/", http.NoBody)
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	a.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { f(s) }).ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		a.t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	if set := w.Result().Cookies(); len(set) > 0 {
		return set[0]
	}
	return cookie
}

// signIn returns the cookie of a visitor who has signed in, and the session's id.
func (a *application) signIn(subject string, more ...func(*session.Session)) (*http.Cookie, string) {
	a.t.Helper()
	var id string
	cookie := a.visit(nil, func(s *session.Session) {
		s.Authenticate(subject)
		for _, f := range more {
			f(s)
		}
		id = s.ID()
	})
	return cookie, id
}

// subject tells who is signed in with a cookie.
func (a *application) subject(cookie *http.Cookie) (subject string) {
	a.t.Helper()
	a.visit(cookie, func(s *session.Session) { subject = s.Subject() })
	return subject
}

var (
	language = session.NewKey[string]("language")
	cart     = session.NewKey[[]string]("cart")
)

func speaks(tongue string) func(*session.Session) {
	return func(s *session.Session) { language.Set(s, tongue) }
}
