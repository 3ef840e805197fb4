package session

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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
	headerSent atomic.Bool // the final header has left, or is about to
	takenOver  atomic.Bool // the handler writes the header itself, after Hijack
	over       atomic.Bool // the handler has returned

	first     [1]presented           // room for presented
	raw       [2 * len(token{})]byte // room for a ticket
	vary      [1]string              // room for the header
	presented []presented            // what the request has brought, once somebody has asked for the session
	brought   bool                   // also if it does not verify

	// Fail may be called by another goroutine than the one that writes: within
	// http.TimeoutHandler.
	out    sync.Mutex // held while the header is decided on
	failed error      // why the handler's response is suppressed

	mu     sync.Mutex
	looked bool // somebody has asked for the session
	done   bool // s and err are set
	s      *Session
	err    error
}

type exchangeKey struct{ m *Manager }

// A carrierKey finds out whether a cookie, or a header field, is some Manager's.
type carrierKey struct{ purpose string }

// Value implements [context.Context].
func (x *exchange) Value(key any) any {
	if key == (exchangeKey{x.m}) || key == x.m.carrier && !x.skipped {
		return x
	}
	return x.Context.Value(key)
}

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

// answerable returns why a new ticket can't reach the visitor any more, or nil.
func (x *exchange) answerable() error {
	if x.headerSent.Load() || x.takenOver.Load() {
		return ErrHeaderSent
	}
	if err := x.r.Context().Err(); err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}

// errGone says that the visitor, or a TimeoutHandler, has given the request up.
var errGone = errors.New("session: nobody waits for the answer any more")

// changed is told of each change. One that comes when the handler has returned,
// because it was given up by http.TimeoutHandler, for instance, is not saved.
//
//nolint:contextcheck,nolintlint // it has the request's own context
func (x *exchange) changed(s *Session) {
	if !x.over.Load() || x.takenOver.Load() { // else it goes on, and commits by itself
		return
	}
	x.m.log().WarnContext(muted{x}, "session: changed after the handler has returned, saved only by Session.Commit",
		"session", s.cur.idText())
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
// If the session was looked at, the response varies by Cookie, or by [Options].Header.
// If it sets a cookie, or somebody is signed in, it gets Cache-Control: no-store, unless
// next has set that field. So neither a cache nor the browser's Back button shows it
// after signing out (ASVS 14.3.2).
//
// The ResponseWriter that next gets works with http.ResponseController. It implements
// io.ReaderFrom, and http.Flusher and http.Hijacker if the one below does, directly or
// through Unwrap. It implements http.CloseNotifier, which is obsolete, because gin asks
// for it, and not http.Pusher.
//
// A Handler within another one of the same Manager does nothing. Handlers of several
// Managers may be nested if their cookies have different names; else Get returns
// [ErrInvalid]. If one of them fails, its response replaces next's, with the cookies of
// those within it.
func (m *Manager) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Context().Value(exchangeKey{m}) != nil {
			next.ServeHTTP(w, r)
			return
		}
		x := &exchange{
			Context: r.Context(), m: m, w: w, began: wallNow(),
			skipped: applies(m.opts.Skip, r), passive: applies(m.opts.Passive, r), rival: r.Context().Value(m.carrier) != nil,
		}
		x.r = r.WithContext(x) //nolint:contextcheck // x has the context of r
		defer x.tellOutside(r)
		if x.skipped {
			next.ServeHTTP(w, x.r)
			return
		}
		next.ServeHTTP(x.writer(), x.r)
		x.end() //nolint:contextcheck // it has the request's own context
	})
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
// loaded, f is not called, and the visitor gets the response of [Manager.Fail].
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

// Fail answers a request whose session could not be loaded or saved, through
// [Options].ErrorHandler, and logs err. Nothing more is saved, and no cookie is set
// but that of a [Session.Commit] before. After the response header has left, it
// only logs.
func (m *Manager) Fail(w http.ResponseWriter, r *http.Request, err error) {
	x, ok := r.Context().Value(exchangeKey{m}).(*exchange)
	if ok && x.failInstead(err) { //nolint:contextcheck // it has the request's own context
		return
	}
	m.logFailure(r, err)
	if !ok {
		m.respond(w, r, err)
	}
}

// failInstead answers in the place of the handler, and reports whether it was not
// too late. ErrorHandler may get here again.
func (x *exchange) failInstead(err error) bool {
	if !x.out.TryLock() {
		return false
	}
	defer x.out.Unlock()
	if x.headerSent.Swap(true) {
		return false
	}
	x.fail(err)
	return true
}

// StatusCode returns the HTTP status for an error of this package: 409 if
// another request has ended the session or replaced its ticket, 403 if its subject has
// too many, 500 if trying again can't help, because the session is too large, say, and
// otherwise 503.
func StatusCode(err error) int {
	switch {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrRetired):
		return http.StatusConflict
	case errors.Is(err, ErrTooManySessions):
		return http.StatusForbidden
	}
	for _, permanent := range []error{
		ErrNoSession, ErrSkipped, ErrHeaderSent, ErrEncode, ErrDecode, ErrTooLarge, ErrInvalid, ErrUnsupported,
	} {
		if errors.Is(err, permanent) {
			return http.StatusInternalServerError
		}
	}
	return http.StatusServiceUnavailable
}

// respond writes the response that replaces the handler's.
func (m *Manager) respond(w http.ResponseWriter, r *http.Request, err error) {
	if m.opts.ErrorHandler != nil {
		m.opts.ErrorHandler(w, r, err)
		return
	}
	status := StatusCode(err)
	text := "Something went wrong on our side."
	switch status {
	case http.StatusConflict:
		text = "Your session has ended or moved on. Please try again."
	case http.StatusForbidden:
		text = "You have too many sessions already. Please sign out somewhere first."
	case http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
		text = "Temporarily unavailable. Please try again in a moment."
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, text, status)
}

func (m *Manager) logFailure(r *http.Request, err error) {
	if r.Context().Err() != nil {
		m.log().InfoContext(r.Context(), "session: client went away", "error", err)
		return
	}
	m.log().ErrorContext(r.Context(), "session: request failed", "method", r.Method, "pattern", r.Pattern, "error", err)
}

// session returns the request's session and loads it the first time.
func (x *exchange) session(ctx context.Context) (*Session, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if !x.done {
		bounded := x.m.storeContext(ctx)
		defer bounded.release()
		x.looked = true
		x.s, x.err = x.m.find(bounded, x)         //nolint:contextcheck // it is ctx, bounded
		x.done = x.err == nil || ctx.Err() == nil // others may have more time
	}
	return x.s, x.err
}

// loaded returns the session if it was looked at.
func (x *exchange) loaded() (s *Session, looked bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	return x.s, x.looked
}

// beforeHeader commits the session and completes the header, the first time
// that it is called. An error says that the handler's response was replaced.
func (x *exchange) beforeHeader() error {
	x.out.Lock()
	defer x.out.Unlock()
	if x.headerSent.Load() {
		return x.failed
	}
	s, looked := x.loaded()
	if !looked {
		x.headerSent.Store(true)
		return nil
	}
	var err error
	if s != nil && !s.settled() {
		// The client may have gone: what its request has changed is kept.
		err = s.commit(context.WithoutCancel(x.r.Context()))
	}
	x.headerSent.Store(true)
	if err != nil {
		x.fail(err)
		return err
	}
	x.addVary()
	x.addTicket(s)
	return nil
}

// end commits a response whose handler has returned without writing, and
// reports changes that came too late.
func (x *exchange) end() {
	err := x.beforeHeader()
	x.over.Store(true)
	s, _ := x.loaded()
	if err != nil || s == nil {
		return // answered and logged, or nothing to do
	}
	if !s.pending() {
		return
	}
	message := "session: changed after the response header had left, not saved; call Session.Commit"
	if s.tooLate() {
		message = "session: not saved, because a ticket has to be handed out and the response header had left"
	}
	x.m.log().ErrorContext(x.r.Context(), message, "session", s.ID())
}

// addTicket tells the client about its ticket, if there is news.
func (x *exchange) addTicket(s *Session) {
	if s == nil {
		return
	}
	s.commitMu.Lock() // a Commit that the handler started elsewhere may have news
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.handOut(x.w.Header())
	if s.cookie == cookieSet {
		x.m.warnPlainHTTP(muted{x}, x.r)
	}
}

// addVary makes the response vary by what carries the ticket unless it says so
// already.
func (x *exchange) addVary() {
	h, name := x.w.Header(), x.m.opts.varies()
	if len(h["Vary"]) == 0 {
		x.vary[0] = name
		h["Vary"] = x.vary[:]
		return
	}
	for _, line := range h["Vary"] {
		for field := range strings.SplitSeq(line, ",") {
			if field = strings.Trim(field, " \t"); field == "*" || strings.EqualFold(field, name) {
				return
			}
		}
	}
	h.Add("Vary", name)
}

// suppressed are the header fields that describe the handler's response and
// must not stay on the one that replaces it.
var suppressed = []string{ //nolint:gochecknoglobals // a constant
	"Set-Cookie", "Cache-Control", "Clear-Site-Data", "Content-Disposition", "Content-Encoding", "Content-Language",
	"Content-Length", "Content-Location", "Content-Range", "Content-Type", "Etag", "Expires", "Last-Modified", "Location",
	"Refresh", "Trailer", "X-Accel-Redirect", "X-Sendfile",
}

// targeted are the header fields that caches of one kind heed in the place of
// Cache-Control (RFC 9213).
var targeted = []string{ //nolint:gochecknoglobals // a constant
	"Cdn-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control", "Surrogate-Control", "Vercel-Cdn-Cache-Control",
	"X-Accel-Expires", "X-Litespeed-Cache-Control",
}

// fail replaces the handler's response. It is called with out held.
func (x *exchange) fail(err error) {
	x.failed = err
	for _, name := range slices.Concat(suppressed, targeted) {
		x.w.Header().Del(name)
	}
	x.w.Header().Del(headerTicket) // another Manager's
	x.addVary()
	if s, _ := x.loaded(); s != nil {
		x.addTicket(s) // of a Commit that has succeeded before
	}
	x.m.logFailure(x.r, err)
	x.m.respond(x.w, x.r, err)
}
