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
func Request(tb testing.TB, m *session.Manager, r *http.Request, prepare func(*session.Session)) *http.Request {
	tb.Helper()
	res := serve(tb, m, bare(tb, r), func(s *session.Session) error { //nolint:bodyclose // a recorder's
		if prepare != nil {
			prepare(s)
		}
		s.Secret("sessiontest") // has a session stored that holds nothing
		return s.Commit(context.WithoutCancel(r.Context()))
	})
	return carry(m, r, res)
}

// Session returns the session of the visitor who has sent r and got res: what the next
// request would find. It is for reading; changes to it are not saved. If the session has
// ended, it is a new, empty one.
func Session(tb testing.TB, m *session.Manager, r *http.Request, res *http.Response) *session.Session {
	tb.Helper()
	var found *session.Session
	serve(tb, m, bare(tb, carry(m, r, res)), func(s *session.Session) error { //nolint:bodyclose // a recorder's
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
	next := bare(tb, r)
	h := m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		s, err := m.Get(r)
		if err == nil && s.IsNew() {
			tb.Fatal("sessiontest: CSRFToken: the request has no session; make one with Request")
		}
		if token, err = p.Token(r); err != nil {
			tb.Fatalf("sessiontest: CSRFToken: %v", err)
		}
	}))
	h.ServeHTTP(httptest.NewRecorder(), next)
	return token
}

// bare returns a GET request with r's header fields: those by which a Manager finds the
// session, or binds it.
func bare(tb testing.TB, r *http.Request) *http.Request {
	tb.Helper()
	b := httptest.NewRequestWithContext(context.WithoutCancel(r.Context()), http.MethodGet, "/", http.NoBody)
	b.Header, b.Host, b.RemoteAddr, b.TLS = r.Header.Clone(), r.Host, r.RemoteAddr, r.TLS
	if b.Header == nil {
		b.Header = make(http.Header)
	}
	for _, name := range []string{"Sec-Fetch-Site", "Sec-Purpose", "Purpose"} {
		b.Header.Del(name) // it is another request
	}
	return b
}

// serve calls f with the session of r, and returns the response.
func serve(tb testing.TB, m *session.Manager, r *http.Request, f func(*session.Session) error) *http.Response {
	tb.Helper()
	w := httptest.NewRecorder()
	m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if err := f(s); err != nil {
			tb.Fatalf("sessiontest: the session can't be stored: %v", err)
		}
	})(w, r)
	if w.Code != http.StatusOK {
		tb.Fatalf("sessiontest: the session can't be loaded or stored: status %d", w.Code)
	}
	return w.Result()
}

// carry returns a copy of r with the ticket that res hands out, if it does.
func carry(m *session.Manager, r *http.Request, res *http.Response) *http.Request {
	next := r.Clone(r.Context())
	m.CarryTicket(next, res)
	return next
}
