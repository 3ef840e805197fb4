package session

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
)

// Fail answers a request whose session could not be loaded or saved, through
// [Options].ErrorHandler, and logs err. Nothing more is saved, and no cookie is set
// but that of a [Session.Commit] before. After the response header has left, it only
// logs. For a request that came through no Handler, or that Options.Skip has taken out,
// Fail can't tell whether it has left, and writes the response in any case.
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

// StatusCode returns the HTTP status for an error of this package: 409 if another
// request has ended the session or replaced its ticket, 403 if its subject has too many,
// 500 if trying again can't help, because the session is too large for instance, and 503
// otherwise.
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
	answer(w, err)
}

// answer writes the response for want of an ErrorHandler.
func answer(w http.ResponseWriter, err error) {
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

// logFailure tells of a failure. That nobody waits for the answer any more is none, but the
// store may have failed all the same: its calls go on, and an outage is one though each
// visitor loses patience before StoreTimeout is over.
func (m *Manager) logFailure(r *http.Request, err error) {
	if r.Context().Err() != nil && (errors.Is(err, context.Canceled) || errors.Is(err, errGone)) {
		m.log().InfoContext(r.Context(), "session: client went away", "error", err)
		return
	}
	log := m.log().With("method", r.Method, "pattern", r.Pattern, "error", err)
	if StatusCode(err) < http.StatusInternalServerError { // nothing is broken
		log.InfoContext(r.Context(), "session: request refused")
		return
	}
	log.ErrorContext(r.Context(), "session: request failed")
}

// suppressed are the header fields that describe the handler's response and
// must not stay on the one that replaces it.
var suppressed = []string{ //nolint:gochecknoglobals // a constant
	"Set-Cookie", "Cache-Control", "Clear-Site-Data", "Content-Digest", "Content-Disposition", "Content-Encoding",
	"Content-Language", "Content-Length", "Content-Location", "Content-Md5", "Content-Range", "Content-Type", "Digest", "Etag",
	"Expires", "Last-Modified", "Location", "Refresh", "Repr-Digest", "Secure-Session-Registration", "Trailer",
	"X-Accel-Redirect", "X-Litespeed-Location", "X-Sendfile",
}

// isSuppressed reports whether a field goes, however its name is written: net/http sends
// ETag as it is. A trailer that was not announced is the handler's, too.
func isSuppressed(name string) bool {
	key := http.CanonicalHeaderKey(name)
	return slices.Contains(suppressed, key) || slices.Contains(targeted, key) || strings.HasPrefix(name, http.TrailerPrefix)
}

// A replacement is a response in the place of the handler's.
type replacement struct {
	why    error
	header http.Header // once it is written
}

// err returns why the handler's response is suppressed, or nil.
func (r *replacement) err() error {
	if r == nil {
		return nil
	}
	return r.why
}

// fail replaces the handler's response. It is called with out held.
func (x *exchange) fail(err error) {
	x.instead = &replacement{why: err}
	h := x.w.Header()
	maps.DeleteFunc(h, func(name string, _ []string) bool { return isSuppressed(name) })
	maps.Copy(h, x.outside)
	h.Del(headerTicket) // another Manager's
	x.addVary()
	if s, _ := x.loaded(); s != nil {
		x.addTicket(s) // of a Commit that has succeeded before
	}
	x.m.logFailure(x.r, err)
	x.m.respond(x.w, x.r, err)
	x.instead.header = h.Clone()
}

// noteOutside notes which of the fields that fail removes were there before the handler
// was called: a compressor around us has set its Content-Encoding by then, for instance,
// and will compress whatever is answered.
func (x *exchange) noteOutside() {
	for name, values := range x.w.Header() {
		if !isSuppressed(name) {
			continue
		}
		if x.outside == nil {
			x.outside = make(http.Header)
		}
		x.outside[name] = slices.Clone(values)
	}
}
