package stores_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	coder "github.com/coder/websocket"
	"github.com/gorilla/websocket"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestAGorillaWebSocketHandsOutTheTicketAndLearnsOfTheEnd is docs/streams.md, done:
// the library writes its own 101, whose cookie is that of a Commit before.
func TestAGorillaWebSocketHandsOutTheTicketAndLearnsOfTheEnd(t *testing.T) {
	t.Parallel()
	sessions := manager(t, memstore.New(memstore.Options{}), lifeOptions())
	var upgrader websocket.Upgrader
	mux := http.NewServeMux()
	mux.Handle("GET /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
	}))
	mux.Handle("GET /count", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		counter.Update(s, func(n int) int { return n + 1 })
	}))
	mux.Handle("GET /socket", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Renew()
		if err := s.Commit(r.Context()); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		conn, err := upgrader.Upgrade(w, r, w.Header())
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		for {
			if _, _, err := conn.ReadMessage(); err != nil {
				return
			}
			if err := s.Reload(r.Context()); err != nil {
				_ = conn.WriteJSON(err.Error())
				if !errors.Is(err, session.ErrNotFound) {
					t.Errorf("Reload: %v, want ErrNotFound", err)
				}
				return
			}
			if err := conn.WriteJSON(counter.Get(s)); err != nil {
				t.Error(err)
			}
		}
	}))
	server := httptest.NewServer(mux)
	defer server.Close()

	first := cookieOf(t, server, "/login", "")
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(),
		"ws"+strings.TrimPrefix(server.URL, "http")+"/socket", http.Header{"Cookie": {first}})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if len(res.Cookies()) != 1 {
		t.Fatalf("the 101 sets %d cookies, want 1", len(res.Cookies()))
	}
	second := res.Cookies()[0].Name + "=" + res.Cookies()[0].Value
	if second == first {
		t.Error("the 101 hands out the old ticket")
	}
	cookieOf(t, server, "/count", first) // the old one is good until the new one is used
	ask := func(into any) {
		t.Helper()
		if err := errors.Join(conn.WriteMessage(websocket.TextMessage, nil), conn.ReadJSON(into)); err != nil {
			t.Fatal(err)
		}
	}
	var n int
	if ask(&n); n != 1 {
		t.Errorf("the socket sees %d, want 1", n)
	}
	if ended, err := sessions.EndSubject(t.Context(), "ann"); ended != 1 || err != nil {
		t.Errorf("EndSubject ended %d, error %v", ended, err)
	}
	var text string
	if ask(&text); text == "" {
		t.Error("the socket does not learn of the end")
	}
}

// TestACoderWebSocketHandsOutTheTicket: a library that writes the 101 through
// WriteHeader needs no Commit before.
func TestACoderWebSocketHandsOutTheTicket(t *testing.T) {
	t.Parallel()
	sessions := manager(t, memstore.New(memstore.Options{}), lifeOptions())
	server := httptest.NewServer(sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		conn, err := coder.Accept(w, r, nil)
		if err != nil {
			t.Error(err)
			return
		}
		_ = conn.CloseNow()
	}))
	defer server.Close()
	conn, res, err := websocket.DefaultDialer.DialContext(t.Context(), "ws"+strings.TrimPrefix(server.URL, "http"), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if len(res.Cookies()) != 1 {
		t.Errorf("the 101 sets %d cookies, want 1", len(res.Cookies()))
	}
}

// cookieOf sends a request with a cookie and returns the one that the response sets.
func cookieOf(t *testing.T, server *httptest.Server, path, cookie string) (set string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", cookie)
	res, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s", path, res.Status)
	}
	for _, c := range res.Cookies() {
		set = c.Name + "=" + c.Value
	}
	return set
}
