// Package check is the test of every framework's example: that sessions work in
// the handlers of the framework as they do in those of net/http.
package check

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// tester is what is used of a *testing.T.
type tester interface {
	Helper()
	Context() context.Context
	Cleanup(f func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// Handler checks an example that is an http.Handler.
func Handler(t tester, handler func(*session.Manager) http.Handler) {
	t.Helper()
	Server(t, func(sessions *session.Manager) string {
		server := httptest.NewServer(handler(sessions))
		t.Cleanup(server.Close)
		return server.URL
	})
}

// Server checks an example that start serves at the URL that it returns.
func Server(t tester, start func(*session.Manager) string) {
	t.Helper()
	store := &store{Store: memstore.New(memstore.Options{})}
	sessions, err := session.New(store, session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	v := &visitor{t: t, url: start(sessions), transport: &http.Transport{}} // another test's server closes the default one
	t.Cleanup(v.transport.CloseIdleConnections)

	v.want("GET /", http.StatusOK, "visit 1", "__Host-session=") // a change is saved before the body leaves
	v.want("GET /", http.StatusOK, "visit 2", "")
	v.want("GET /nowhere", http.StatusNotFound, "", "")

	store.loadFails.Store(true)
	v.want("GET /", http.StatusServiceUnavailable, "Temporarily unavailable", "")
	store.loadFails.Store(false)
	store.saveFails.Store(true)
	v.want("GET /", http.StatusServiceUnavailable, "Temporarily unavailable", "") // and not the handler's answer
	v.want("POST /login", http.StatusServiceUnavailable, "Temporarily unavailable", "")
	store.saveFails.Store(false)
	v.want("GET /", http.StatusOK, "visit 3", "")

	v.site = "cross-site"
	v.want("POST /login", http.StatusForbidden, "", "") // no other site signs anybody in
	v.site = "same-origin"
	v.want("POST /login", http.StatusSeeOther, "", "__Host-session=") // a new ticket, on a redirect
	old := v.cookie
	v.want("GET /", http.StatusOK, "visit 4", "")
	v.want("POST /logout", http.StatusNoContent, "", "__Host-session=; ") // on an answer without a body
	v.cookie = old
	v.want("GET /", http.StatusOK, "visit 1", "") // the old ticket is worth nothing, and stores nothing
}

// A visitor keeps its cookie, also the one that is for https only.
type visitor struct {
	t           tester
	url, cookie string
	site        string // which one has made the browser ask, "" if it doesn't say
	transport   *http.Transport
}

// want sends a request and checks the answer: its status, that its body contains a
// text, and how the cookie begins that it sets, "" for none.
func (v *visitor) want(request string, status int, text, cookie string) {
	v.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, http.NoBody)
	if err != nil {
		v.t.Fatal(err)
	}
	if v.cookie != "" {
		r.Header.Set("Cookie", v.cookie)
	}
	if v.site != "" {
		r.Header.Set("Sec-Fetch-Site", v.site)
	}
	resp, err := v.transport.RoundTrip(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	set := strings.Join(resp.Header["Set-Cookie"], "\n")
	if resp.StatusCode != status || !strings.Contains(string(body), text) || !strings.HasPrefix(set, cookie) || cookie == "" && set != "" {
		v.t.Errorf("%s: status %d, %q, Set-Cookie %q; want %d, %q, %q", request, resp.StatusCode, body, set, status, text, cookie)
	}
	if looked := status != http.StatusNotFound && status != http.StatusForbidden; looked != (resp.Header.Get("Vary") == "Cookie") {
		v.t.Errorf("%s: Vary %q; the session was looked at: %t", request, resp.Header["Vary"], looked)
	}
	if place := resp.Header.Get("Location"); status != http.StatusSeeOther && place != "" {
		v.t.Errorf("%s: status %d with Location %q, which is not its own", request, resp.StatusCode, place)
	}
	if set != "" {
		v.cookie, _, _ = strings.Cut(set, ";")
	}
}

// A store fails while it is told to.
type store struct {
	*memstore.Store

	loadFails, saveFails atomic.Bool
}

var errDown = errors.New("the store is down")

func (s *store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if s.loadFails.Load() {
		return sessionstore.Record{}, errDown
	}
	return s.Store.Load(ctx, id)
}

func (s *store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if s.saveFails.Load() {
		return errDown
	}
	return s.Store.Create(ctx, id, r)
}

func (s *store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if s.saveFails.Load() {
		return errDown
	}
	return s.Store.Update(ctx, id, old, r)
}
