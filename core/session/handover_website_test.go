package session_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A website is a shop on a real server: what a handler's answer is made into on its
// way is the server's.
type website struct {
	t      *testing.T
	e      *env
	server *httptest.Server
	client *http.Client
	tls    *tls.Config
}

// newWebsite serves what routes returns, by path, and gives it a visitor with a cookie
// jar, over HTTP/1.1 or HTTP/2.
func newWebsite(t *testing.T, e *env, site http.Handler, http2 bool) *website {
	t.Helper()
	server := httptest.NewUnstartedServer(site)
	server.EnableHTTP2 = http2
	server.StartTLS()
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Jar = jar
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	return &website{t, e, server, client, &tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS13}}
}

// get returns the answer to a request with what the jar holds.
func (s *website) get(path string) (status int, body string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), http.MethodGet, s.server.URL+path, http.NoBody)
	if err != nil {
		s.t.Fatal(err)
	}
	res, err := s.client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }() // it was read
	text, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(text)
}

// jar returns what the jar holds.
func (s *website) jar() []*http.Cookie {
	s.t.Helper()
	u, err := url.Parse(s.server.URL)
	if err != nil {
		s.t.Fatal(err)
	}
	return s.client.Jar.Cookies(u)
}

// want checks who is signed in, and that the cart holds something.
func (s *website) want(subject string) {
	s.t.Helper()
	if _, got := s.get("/who"); got != subject+" [coat]" {
		s.t.Errorf("the next request finds %q, want %q", got, subject+" [coat]")
	}
}

// routes are the pages of a website. Those that are given come on top.
func routes(m *session.Manager, more map[string]handler) *http.ServeMux {
	mux := http.NewServeMux()
	pages := map[string]handler{
		"/buy":   fillCart,
		"/login": authenticate,
		"/who": func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			fmt.Fprintf(w, "%s %v", s.Subject(), cart.Get(s))
		},
	}
	maps.Copy(pages, more)
	for path, f := range pages {
		mux.Handle(path, m.HandlerFunc(f))
	}
	return mux
}
