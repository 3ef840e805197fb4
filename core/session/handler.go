package session

import (
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/doubt"
)

// An exchange is one request with its response, as one Manager sees it.
type exchange struct {
	context.Context //nolint:containedctx // it is the context of its request

	m     *Manager
	r     *http.Request
	w     http.ResponseWriter
	began time.Time

	skipped    bool        // by Options.Skip: it has no session
	passive    bool        // by Options.Passive: it does not extend the session
	rival      bool        // another Manager of this request has the same cookie
	brought    bool        // as presented, but also what does not verify
	headerSent atomic.Bool // the final header has left, or is about to
	outside    http.Header // what those around us have set of the fields that describe a response
	takenOver  atomic.Bool // the handler writes the header itself, after Hijack
	shared     atomic.Bool // the connection that was taken over carries others' requests
	over       atomic.Bool // the handler has returned

	request   http.Request           // room for r
	first     [1]presented           // room for presented
	raw       [2 * len(token{})]byte // room for a ticket
	vary      [1]string              // room for the header
	presented []presented            // what the request has brought, once somebody has asked for the session
	shown     origins                // what it has shown of other systems, see MoveIn; the session's mu guards it

	// Fail may be called by another goroutine than the one that writes: within
	// http.TimeoutHandler.
	out     sync.Mutex   // held while the header is decided on
	instead *replacement // nil: the handler's response is sent

	mu     sync.Mutex
	looked bool // somebody has asked for the session
	done   bool // s and err are set
	s      *Session
	err    error
}

type exchangeKey struct{ m *Manager }

// A carrierKey finds out whether some Manager hands out its tickets in a cookie, or in a
// header field.
type carrierKey struct{ cookie, field string }

// carrierKey returns the key of what o's tickets are handed out in.
func (o *Options) carrierKey() any {
	if o.Header != "" {
		return carrierKey{field: o.field()}
	}
	return carrierKey{cookie: o.Cookie.Name}
}

// Value implements [context.Context].
func (x *exchange) Value(key any) any {
	if x.shared.Load() {
		return x.Context.Value(key)
	}
	if key == (exchangeKey{x.m}) || key == x.m.carrier && !x.skipped {
		return x
	}
	if of, ok := key.(doubt.Key); ok && of.Manager == any(x.m) {
		return x.doubt
	}
	return x.Context.Value(key)
}

// doubt notes that the request is refused, because its ticket may be a copy.
func (x *exchange) doubt() {
	if s, _ := x.loaded(); s != nil {
		s.commitMu.Lock()
		defer s.commitMu.Unlock()
		s.mu.Lock()
		defer s.mu.Unlock()
		s.ticket.doubted = true
	}
}

// Format implements [fmt.Formatter]: a request's context that is printed, by a logger or a
// mock, shows neither the request's cookies nor its ticket.
func (*exchange) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, "session.exchange") }

// A muted context is for those who are told something while the session is locked:
// they don't find it.
type muted struct{ *exchange }

// Value implements [context.Context].
func (c muted) Value(key any) any {
	if key == (exchangeKey{c.m}) {
		return nil
	}
	return c.exchange.Value(key)
}

// changed is told of each change. One that comes when the handler has returned,
// because it was given up by http.TimeoutHandler, for instance, is not saved.
func (x *exchange) changed(s *Session) {
	if !x.over.Load() || x.takenOver.Load() { // else it goes on, and commits by itself
		return
	}
	x.m.logOf(&s.cur.state).Warn("session: changed after the handler has returned, saved only by Session.Commit", "session", s.cur.idText())
}

// applies reports whether one of the rules says so.
func applies(rules []func(*http.Request) bool, r *http.Request) bool {
	for _, rule := range rules {
		if rule(r) {
			return true
		}
	}
	return false
}

// Handler returns a handler that gives the requests of next their sessions: within
// next, [Manager.Get] finds them. What next changes is saved before the response header
// leaves. If that fails, the visitor gets the response of [Options].ErrorHandler instead
// of next's. If next panics before its header has left, nothing is saved.
//
// If the session was looked at before the header leaves, the response varies by Cookie, or
// by [Options].Header. If it hands out a ticket, or somebody is signed in, it gets
// Cache-Control: no-store, unless that field is set already. So neither a cache nor the
// browser's Back button shows it after signing out (ASVS 14.3.2).
//
// The ResponseWriter that next gets works with http.ResponseController. It implements
// io.ReaderFrom, and http.Flusher and http.Hijacker if the one below does, directly or
// through Unwrap. It implements http.CloseNotifier, which is obsolete, because gin asks
// for it, and not http.Pusher.
//
// A Handler within another one of the same Manager does nothing. Handlers of several
// Managers may be nested if their cookies, or the header fields that hand out their
// tickets, have different names; else Get returns [ErrInvalid]. If one of them fails, its
// response replaces next's, with the cookies of those within it.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(exchangeKey{m}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		x := m.exchange(w, r)
		defer x.leave(r)
		x.noteOutside()
		if x.skipped {
			next.ServeHTTP(w, x.r)
			return
		}
		next.ServeHTTP(x.writer(), x.r)
		x.end() //nolint:contextcheck // it has the request's own context
	})
}

// exchange returns the exchange of a request that comes in.
func (m *Manager) exchange(w http.ResponseWriter, r *http.Request) *exchange {
	x := &exchange{
		Context: r.Context(), m: m, w: w, began: wallNow(),
		skipped: applies(m.opts.Skip, r), passive: applies(m.opts.Passive, r), rival: r.Context().Value(m.carrier) != nil,
	}
	x.request = *r.WithContext(x) //nolint:contextcheck // x has the context of r
	x.r = &x.request
	return x
}

// leave is deferred: it also runs when the handler panics. Nothing is handed out any more,
// though goroutines of the handler may go on. Where the handler's response was
// replaced, the other one stands. A handler that aborts its own, as httputil.ReverseProxy
// does when it can't write, does not abort that one. And no field that it has set since
// gets there: not as a trailer, nor into a header that somebody around us keeps back.
func (x *exchange) leave(r *http.Request) {
	x.over.Store(true)
	x.tellOutside(r)
	x.out.Lock()
	defer x.out.Unlock()
	x.headerSent.Store(true)
	if x.instead == nil || x.instead.header == nil {
		return
	}
	h := x.w.Header()
	clear(h)
	maps.Copy(h, x.instead.header)
	if p := recover(); p != nil && p != any(http.ErrAbortHandler) {
		panic(p)
	}
}

// tellOutside tells those around us what has been found out about the request: the
// router's Pattern, for instance. And net/http removes the files of the form that it
// knows.
func (x *exchange) tellOutside(r *http.Request) {
	if strings.Contains(x.r.Pattern, "{") { // has path values
		*r = *x.r.WithContext(r.Context())
		return
	}
	r.Pattern, r.Form, r.PostForm, r.MultipartForm = x.r.Pattern, x.r.Form, x.r.PostForm, x.r.MultipartForm
}

// HandlerFunc returns a handler that calls f with the request's session. It works by
// itself as well as within [Manager.Handler], and commits once. If the session can't be
// loaded, f is not called, and the visitor gets the response of [Manager.Fail]. So does one
// whose request [Options].Skip has taken out.
func (m *Manager) HandlerFunc(f func(http.ResponseWriter, *http.Request, *Session)) http.HandlerFunc {
	return m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := m.Get(r)
		if err != nil {
			m.Fail(w, r, err)
			return
		}
		f(w, r, s)
	})).ServeHTTP
}

// session returns the request's session and loads it the first time.
func (x *exchange) session(ctx context.Context) (*Session, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		bounded := x.loadContext(ctx)
		defer bounded.Release()
		x.looked = true
		x.s, x.err = x.m.find(bounded, x)   //nolint:contextcheck // it is ctx, bounded
		x.done = x.err == nil || !over(ctx) // others may have more time
	}
	return x.s, x.err
}

// loaded returns the session if it was looked at.
func (x *exchange) loaded() (s *Session, looked bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.s, x.looked
}

// end commits a response whose handler has returned without writing, and
// reports changes that came too late.
func (x *exchange) end() {
	err := x.beforeHeader()
	x.over.Store(true)
	if err != nil && x.instead.header == nil { // ErrorHandler has panicked, and somebody within us has recovered
		answer(x.w, err)
	}
	s, _ := x.loaded()
	if err != nil || s == nil {
		return // answered and logged, or nothing to do
	}
	if !s.pending() {
		return
	}
	message := "session: changed after the response header had left, not saved; change it before, or call Session.Commit"
	if s.tooLate() {
		message = "session: not saved, because a ticket has to be handed out and the response header had left; do it before"
	}
	x.m.log().ErrorContext(x.r.Context(), message, "session", s.ID())
}
