// Package sessiontest helps to test handlers that use sessions. Three functions are
// enough: [Request] prepares a visitor who has a session, [Session] reads what a
// response has left behind, and [CSRFToken] is what a form of theirs would carry.
//
//	r := httptest.NewRequest("POST", "/orders", strings.NewReader("item=coat"))
//	r = sessiontest.Request(t, sessions, r, func(s *session.Session) {
//		s.Authenticate("ann")
//		Cart.Set(s, []string{"coat"})
//	})
//	w := httptest.NewRecorder()
//	handler.ServeHTTP(w, r)
//	if s := sessiontest.Session(t, sessions, r, w.Result()); len(Cart.Get(s)) != 0 {
//		t.Error("the cart is not empty after the order")
//	}
//
// The handler under test is the application's own, with the Manager's Handler around
// it; nothing is stubbed. The store is usually memstore's. Time is testing/synctest's:
// in its bubble a session expires when a test sleeps for long enough. For a test with
// a server and a cookie jar, put the cookies of [Request]'s result into the jar.
package sessiontest

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Request returns a copy of r that carries the ticket of a session that prepare has
// filled: in its cookie, or in the header field of session.Options.Header. If r has a
// ticket already, prepare gets that session. prepare may be nil, for a visitor who has a
// session with nothing in it. The test fails at once if the session can't be stored.
//
// A visitor who has signed in presents their ticket for the first time with the
// request that is returned, as after a real login.
//
// A request is for one call of a handler at a time: clone it for several at once.
func Request(tb testing.TB, m *session.Manager, r *http.Request, prepare func(*session.Session)) *http.Request {
	tb.Helper()
	res := visit(tb, m, r, func(r *http.Request, s *session.Session) error { //nolint:bodyclose // a recorder's
		if prepare != nil {
			prepare(s)
		}
		s.Secret("sessiontest") // has a session stored that holds nothing
		return s.Commit(r.Context())
	})
	return carry(m, r, res)
}

// Session returns the session of the visitor who has sent r and got res: what the next
// request would find. If the session has ended, it is a new, empty one.
//
// Session makes such a request. So a ticket that res hands out has been presented by then,
// and the one before it is retired. The session is for reading: changes to it are not saved
// but by Session.Commit, and by Session.Flashes, which takes the messages, as the page does
// that shows them. With session.NewCookieOnly both give session.ErrHeaderSent here: have a
// handler of the test's take the messages.
func Session(tb testing.TB, m *session.Manager, r *http.Request, res *http.Response) *session.Session {
	tb.Helper()
	var found *session.Session
	visit(tb, m, carry(m, r, res), func(_ *http.Request, s *session.Session) error { //nolint:bodyclose // a recorder's
		found = s
		return nil
	})
	return found
}

// CSRFToken returns a token for a form that the visitor who sends r has been shown. r
// has a session; [Request] makes one.
func CSRFToken(tb testing.TB, m *session.Manager, p *csrf.Protection, r *http.Request) string {
	tb.Helper()
	var token string
	visit(tb, m, r, func(r *http.Request, s *session.Session) (err error) { //nolint:bodyclose // a recorder's
		if s.IsNew() {
			return errNoSession
		}
		token, err = p.Token(r)
		return err
	})
	return token
}

var errNoSession = errors.New("CSRFToken: the request has no session; make one with Request")

// visit calls f in another request of the visitor who sends r, and returns the response.
// Rules of Options.Skip that take that one out may leave r in.
func visit(
	tb testing.TB, m *session.Manager, r *http.Request, f func(*http.Request, *session.Session) error,
) *http.Response {
	tb.Helper()
	if _, err := m.FromContext(r.Context()); !errors.Is(err, session.ErrNoSession) {
		tb.Fatalf("sessiontest: this is the request that a handler got; hand in the request that was sent")
	}
	w, err := serve(m, bare(r, "/"), f)
	if errors.Is(err, session.ErrSkipped) {
		w, err = serve(m, bare(r, r.URL.RequestURI()), f)
	}
	switch {
	case err != nil:
		tb.Fatalf("sessiontest: %v", err)
	case w.Code != http.StatusOK:
		tb.Fatalf("sessiontest: the session can't be stored: status %d, see the Manager's log", w.Code)
	}
	return w.Result()
}

// serve calls f with the session of r.
func serve(m *session.Manager, r *http.Request, f func(*http.Request, *session.Session) error) (*httptest.ResponseRecorder, error) {
	w := httptest.NewRecorder()
	var failed error
	m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := m.Get(r)
		if err == nil {
			err = f(r, s)
		}
		failed = err
	})).ServeHTTP(w, r)
	return w, failed
}

// bare returns a GET request with r's header fields: those by which a Manager finds the
// session, or binds it.
func bare(r *http.Request, target string) *http.Request {
	b := httptest.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodGet, target, http.NoBody)
	b.Header, b.Host, b.RemoteAddr, b.TLS = r.Header.Clone(), r.Host, r.RemoteAddr, r.TLS
	if b.Header == nil {
		b.Header = make(http.Header)
	}
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Purpose", "Purpose"} {
		b.Header.Del(name) // it is another request
	}
	return b
}

// carry returns a copy of r with the ticket that res hands out, if it does.
func carry(m *session.Manager, r *http.Request, res *http.Response) *http.Request {
	next := r.Clone(r.Context())
	m.CarryTicket(next, res)
	return next
}
