package session

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

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

// beforeHeader commits the session and completes the header, the first time
// that it is called. An error says that the handler's response was replaced.
func (x *exchange) beforeHeader() error {
	x.out.Lock()
	defer x.out.Unlock()
	if x.headerSent.Load() {
		return x.instead.err()
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

// addTicket tells the client about its ticket, if there is news.
func (x *exchange) addTicket(s *Session) {
	if s == nil {
		return
	}
	s.commitMu.Lock() // a Commit that the handler started elsewhere may have news
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.overdue() {
		s.cookie = cookieKeep
	}
	s.handOut(x.w.Header())
	s.withhold()
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

// targeted are the header fields that caches of one kind heed in the place of
// Cache-Control (RFC 9213).
var targeted = []string{ //nolint:gochecknoglobals // a constant
	"Cdn-Cache-Control", "Cloudflare-Cdn-Cache-Control", "Netlify-Cdn-Cache-Control", "Surrogate-Control", "Vercel-Cdn-Cache-Control",
	"X-Accel-Expires", "X-Litespeed-Cache-Control",
}
