package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// The tests in handover_*_test.go lose, delay, double and reorder answers. Nothing of
// that may sign a visitor out.

// A browser holds one ticket, in a cookie or in a header field. An answer reaches it
// through take only, so that a test decides which one does, and when.
type browser struct {
	tb     testing.TB
	m      *session.Manager
	field  string // the header field that carries the ticket; "" for a cookie
	ticket string
}

func newBrowser(e *env) *browser { return &browser{tb: e.tb, m: e.m} }

// at returns a browser with the same ticket that reaches another process.
func (b *browser) at(m *session.Manager) *browser {
	c := *b
	c.m = m
	return &c
}

// request returns a request with the ticket that the browser holds now.
func (b *browser) request(ctx context.Context) *http.Request {
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/", http.NoBody)
	switch {
	case b.ticket == "":
	case b.field != "":
		r.Header.Set(b.field, b.ticket)
	default:
		r.AddCookie(&http.Cookie{Name: "__Host-session", Value: b.ticket})
	}
	return r
}

// send has f answer a request. The answer is on its way then: take or lose it.
func (b *browser) send(r *http.Request, f handler) *http.Response {
	w := httptest.NewRecorder()
	b.m.HandlerFunc(f).ServeHTTP(w, r)
	return w.Result()
}

// ask sends a request whose answer is lost, unless it is taken.
func (b *browser) ask(f handler) *http.Response { return b.send(b.request(b.tb.Context()), f) }

// do sends a request and takes the answer.
func (b *browser) do(f handler) *http.Response { return b.take(b.ask(f)) }

// take keeps the ticket of an answer, as a browser does.
func (b *browser) take(res *http.Response) *http.Response {
	b.tb.Helper()
	if b.field != "" {
		if values, ok := res.Header[b.field]; ok {
			b.ticket = values[0]
		}
		return res
	}
	for _, c := range res.Cookies() {
		if b.ticket = c.Value; c.MaxAge < 0 {
			b.ticket = ""
		}
	}
	return res
}

// start sends a request whose handler has its session and waits. finish lets it go
// on with f and returns the answer.
func (b *browser) start(f handler) (finish func() *http.Response) {
	loaded, proceed, answer := make(chan struct{}), make(chan struct{}), make(chan *http.Response, 1)
	r := b.request(b.tb.Context())
	go func() {
		answer <- b.send(r, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
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

// wantSignedIn checks that the next request finds ann, and her cart.
func (b *browser) wantSignedIn() {
	b.tb.Helper()
	var who string
	var items []string
	res := b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		who, items = s.Subject(), cart.Get(s)
	})
	wantStatus(b.tb, res, http.StatusOK)
	if who != "ann" || len(items) == 0 {
		b.tb.Errorf("the next request finds %q and %q in the cart, want ann and what was put there", who, items)
	}
}

// offers reports whether an answer tells the browser anything about its ticket.
func offers(res *http.Response) bool {
	return res.Header["Set-Cookie"] != nil || res.Header["X-Ticket"] != nil
}

func wantNoTicket(tb testing.TB, res *http.Response) {
	tb.Helper()
	if offers(res) {
		tb.Errorf("an answer hands out a ticket: %q", res.Header)
	}
}

// fillCart is what a visitor does before anything else.
func fillCart(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
	cart.Set(s, []string{"coat"})
}

// hashing is how long a password's hash takes; in a bubble it takes no time.
const hashing = 300 * time.Millisecond

// slowly is a handler that takes a while before it does something.
func slowly(f handler) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		<-time.After(hashing)
		f(w, r, s)
	}
}

// shop puts something into the cart of a new visitor.
func (b *browser) shop() { b.do(fillCart) }

// signIn has a visitor with something in the cart sign in as ann, and show that the
// answer has arrived.
func (b *browser) signIn() {
	b.tb.Helper()
	b.shop()
	b.do(authenticate)
	b.wantSignedIn()
}

// member returns a browser whose visitor has signed in.
func member(e *env) *browser {
	e.tb.Helper()
	b := newBrowser(e)
	b.signIn()
	return b
}

// A move is what hands out a new ticket.
type move struct {
	name   string
	before func(*browser) // what comes ahead of it
	make   handler
}

var moves = []move{
	{"a first login", (*browser).shop, authenticate},
	{"a login again", (*browser).signIn, authenticate},
	{"Reauthenticate", (*browser).signIn, reauthenticate},
	{"StepUp", (*browser).signIn, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepUp("2fa", time.Hour) }},
	{"Renew", (*browser).signIn, renew},
}

// eachMove runs a test, in a bubble, for every move and for every way of a ticket.
func eachMove(t *testing.T, test func(b *browser, m move)) {
	t.Helper()
	for _, carrier := range []struct {
		name, field string
		configure   func(*session.Options)
	}{
		{"cookie", "", func(*session.Options) {}},
		{"persistent cookie", "", func(o *session.Options) { o.Cookie.Persistent = true }},
		{"header field", "X-Ticket", func(o *session.Options) { o.Header = "X-Ticket" }},
	} {
		for _, m := range moves {
			t.Run(m.name+", "+carrier.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					b := newBrowser(newEnv(t, carrier.configure))
					b.field = carrier.field
					m.before(b)
					test(b, m)
				})
			})
		}
	}
}
