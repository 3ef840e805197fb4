package session

import (
	"context"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
)

// A session's ticket travels in a cookie or, with Options.Header, in a header
// field. For Authorization the scheme is Bearer (RFC 6750, 2.1).
const (
	headerAuthorization = "Authorization"
	bearerScheme        = "Bearer "

	// headerTicket hands out the tickets that come back in Authorization, which
	// is a request's field only.
	headerTicket = "Session-Ticket"
)

// reserved are fields that can carry no ticket, besides those that are suppressed.
var reserved = []string{ //nolint:gochecknoglobals // a constant
	"Connection", "Cookie", "Date", "Host", "Retry-After", "Transfer-Encoding", "Upgrade", "Vary",
}

// checkHeader returns the canonical form of Options.Header.
func checkHeader(name string) (string, error) {
	if name != "" && !isToken(name) {
		return "", fmt.Errorf("session: Options.Header %q is no name of a header field", name)
	}
	name = http.CanonicalHeaderKey(name)
	if slices.Contains(suppressed, name) || slices.Contains(reserved, name) {
		return "", fmt.Errorf("session: Options.Header can't be %s, which has a meaning of its own", name)
	}
	return name, nil
}

// carrier names what carries the ticket: signatures hold for it alone.
func (o *Options) carrier() string {
	if o.Header != "" {
		return "header " + o.Header
	}
	return "cookie " + o.Cookie.Name
}

// eachTicket calls yield with the tickets in a request, as the client sent them,
// until it has had enough.
func (o *Options) eachTicket(r *http.Request, yield func(string) bool) {
	if o.Header == "" {
		eachCookie(r, o.Cookie.Name, yield)
		return
	}
	for _, value := range r.Header[o.Header] {
		value = textproto.TrimString(value)
		if o.Header == headerAuthorization {
			n := len(bearerScheme)
			if len(value) < n || !strings.EqualFold(value[:n], bearerScheme) {
				continue // another scheme's credentials
			}
			value = strings.TrimLeft(value[n:], " ")
		}
		if value != "" && !yield(value) {
			return
		}
	}
}

// varies names the request field on which the response depends.
func (o *Options) varies() string {
	if o.Header != "" {
		return o.Header
	}
	return "Cookie"
}

// handOut tells the client what it has to know of its ticket, if anything, and
// keeps what is personal out of caches.
func (s *Session) handOut(h http.Header) {
	o := &s.m.opts
	switch {
	case s.cookie == cookieKeep:
	case o.Header != "":
		name, value := o.Header, ""
		if name == headerAuthorization {
			name = headerTicket
		}
		if s.cookie == cookieSet {
			value = s.ticket.ticket
		}
		h.Set(name, value)
	case s.cookie == cookieSet:
		h.Add("Set-Cookie", o.Cookie.set(s.ticket.ticket, s.stored.expires, o.persistent(&s.cur)).String())
	default:
		h.Add("Set-Cookie", o.Cookie.unset().String())
	}
	// Else a browser shows the page again, by its Back button, after signing out.
	if personal := s.cookie != cookieKeep || s.cur.subject != ""; personal && h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
}

// persistent reports whether the browser is to keep the cookie when it closes.
func (o *Options) persistent(st *state) bool {
	if st.persistence == persistDefault {
		return o.Cookie.Persistent
	}
	return st.persistence == persistYes
}

// Ticket commits the session and returns its ticket, for an API that hands it out
// in the body of a response (with [Options].Header). It is a secret as good as a
// password. A session that is new is stored for it. A ticket that changes later,
// with Authenticate, for instance, is in the response's header.
//
// Errors are those of [Session.Commit]. Where the ticket travels in a cookie, which
// scripts must not read, it is [ErrUnsupported].
func (s *Session) Ticket(ctx context.Context) (string, error) {
	if s.m.opts.Header == "" {
		return "", fmt.Errorf("%w: the ticket travels in a cookie; see Options.Header", ErrUnsupported)
	}
	s.mu.Lock()
	s.keepLocked()
	s.mu.Unlock()
	if err := s.Commit(ctx); err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ticket.ticket, nil
}
