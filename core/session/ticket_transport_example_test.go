package session_test

import (
	"context"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// An API hands the ticket out in the body of its answer to a login, and gets it
// back as a bearer token.
func ExampleSession_Ticket() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Header: "Authorization",
	})
	if err != nil {
		log.Fatal(err)
	}
	api := http.NewServeMux()
	api.Handle("POST /login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		ticket, err := s.Ticket(r.Context())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, ticket)
	}))
	api.Handle("GET /me", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "subject %q", s.Subject())
	}))

	login := httptest.NewRecorder()
	api.ServeHTTP(login, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/login", http.NoBody))

	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/me", http.NoBody)
	r.Header.Set("Authorization", "Bearer "+login.Body.String())
	me := httptest.NewRecorder()
	api.ServeHTTP(me, r)
	fmt.Println(me.Body)
	// Output:
	// subject "account-1001"
}

// A server behind a reverse proxy gets the visitor's other cookies, and not the ticket.
func ExampleManager_StripTicket() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.Out.URL.Scheme, r.Out.URL.Host = "https", "reports.internal"
		sessions.StripTicket(r.Out)
	}}
	proxy.Transport = upstream(func(r *http.Request) { fmt.Println("upstream gets:", r.Header.Get("Cookie")) })

	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("Cookie", "theme=dark; __Host-session=secret")
	proxy.ServeHTTP(httptest.NewRecorder(), r)
	// Output:
	// upstream gets: theme=dark
}

// upstream is a server that a proxy forwards to.
type upstream func(*http.Request)

func (u upstream) RoundTrip(r *http.Request) (*http.Response, error) {
	u(r)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody, Request: r}, nil
}

// A site for browsers and its API share a store: two Managers, each with its own
// way for the ticket. A ticket of one is worth nothing in the other.
func ExampleOptions_header() {
	store := memstore.New(memstore.Options{})
	keys := [][]byte{session.GenerateKey()}
	web, err := session.New(store, session.Options{Keys: keys})
	if err != nil {
		log.Fatal(err)
	}
	api, err := session.New(store, session.Options{Keys: keys, Header: "Authorization"})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	login := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("account-1001") }
	mux.Handle("POST /login", web.HandlerFunc(login))
	mux.Handle("POST /api/login", api.HandlerFunc(login))

	for _, path := range []string{"/login", "/api/login"} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodPost, path, http.NoBody))
		h := w.Result().Header
		fmt.Println(path, "cookie:", h.Get("Set-Cookie") != "", "field:", h.Get("Session-Ticket") != "")
	}
	// Output:
	// /login cookie: true field: false
	// /api/login cookie: false field: true
}

// Requests that need no session, those of a load balancer, for instance, cost
// nothing.
func ExampleOptions_skip() {
	sessions, err := session.New(unreachable{}, session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Skip:   []func(*http.Request) bool{func(r *http.Request) bool { return r.URL.Path == "/health" }},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := sessions.Get(r)
		fmt.Fprint(w, err)
	}))

	browse(site, "GET /health")
	// Output:
	// GET /health: 200 session: request was skipped
}
