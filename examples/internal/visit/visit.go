// Package visit sends requests to an example, as a browser would that keeps its
// cookies.
package visit

import (
	"context"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"strings"
)

// tester is what a [Visitor] needs of a *testing.T.
type tester interface {
	Helper()
	Context() context.Context
	Cleanup(f func())
	Errorf(format string, args ...any)
	Fatal(args ...any)
}

// A Visitor is somebody with one browser.
type Visitor struct {
	// Header is sent along with every request.
	Header http.Header

	t      tester
	client *http.Client
	url    string
}

// An Answer is a response that has been read.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// New starts a server with handler for the time of the test, over https because
// the session's cookie asks for it, and returns a visitor.
func New(t tester, handler http.Handler) *Visitor {
	t.Helper()
	server := httptest.NewTLSServer(handler)
	t.Cleanup(server.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.Jar = jar
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Visitor{http.Header{}, t, client, server.URL}
}

// Send sends a request, such as "POST /cart", with a form, and returns the answer.
func (v *Visitor) Send(request, form string) Answer {
	v.t.Helper()
	method, path, _ := strings.Cut(request, " ")
	r, err := http.NewRequestWithContext(v.t.Context(), method, v.url+path, strings.NewReader(form))
	if err != nil {
		v.t.Fatal(err)
	}
	r.Header = v.Header.Clone()
	if form != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := v.client.Do(r)
	if err != nil {
		v.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }() // it has been read
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		v.t.Fatal(err)
	}
	return Answer{resp.StatusCode, resp.Header, strings.TrimSpace(string(body))}
}

// Want sends a request and fails the test unless the answer has the status and
// contains the text.
func (v *Visitor) Want(request, form string, status int, text string) {
	v.t.Helper()
	if a := v.Send(request, form); a.Status != status || !strings.Contains(a.Body, text) {
		v.t.Errorf("%s: status %d and %q, want %d and %q", request, a.Status, a.Body, status, text)
	}
}
