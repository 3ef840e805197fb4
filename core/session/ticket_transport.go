package session

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/httpfield"
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
	if name != "" && !httpfield.IsToken(name) {
		return "", fmt.Errorf("session: Options.Header %q is no name of a header field", name)
	}
	name = http.CanonicalHeaderKey(name)
	if slices.Contains(suppressed, name) || slices.Contains(targeted, name) || slices.Contains(reserved, name) {
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

// field names the header field that hands out tickets, if no cookie does.
func (o *Options) field() string {
	if o.Header == headerAuthorization {
		return headerTicket
	}
	return o.Header
}

// form returns a number that is another one for tickets of another key or of a cookie
// with other attributes. A Signer whose signatures differ from call to call has no
// such number of its own.
func (o *Options) form() uint32 {
	const probe = "cloakroom form"
	key := o.Signer.Sign(probe, nil)
	if !bytes.Equal(key, o.Signer.Sign(probe, nil)) {
		key = nil
	}
	cookie := fmt.Sprint(o.Cookie.build().String(), o.Cookie.Persistent, o.Header)
	sum := sha256.Sum256(append(key, cookie...))
	return binary.BigEndian.Uint32(sum[:])
}

// keptBack reports whether a request without a ticket is one from another site that
// our SameSite keeps the cookie back from (RFC 6265bis, 5.8.3): the visitor may well
// have a session.
func (m *Manager) keptBack(r *http.Request) bool {
	if m.opts.Header != "" || r.Header.Get("Sec-Fetch-Site") != "cross-site" {
		return false
	}
	switch m.opts.Cookie.SameSite {
	case http.SameSiteStrictMode:
		return true
	case http.SameSiteLaxMode:
		safe := r.Method == http.MethodGet || r.Method == http.MethodHead
		dest := r.Header.Get("Sec-Fetch-Dest")
		framed := dest == "iframe" || dest == "frame" || dest == "embed" || dest == "object" || dest == "fencedframe"
		return !safe || r.Header.Get("Sec-Fetch-Mode") != "navigate" || framed
	default:
		return false
	}
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

// StripTicket removes the session's cookie, or its header field, from a request that goes
// on to another server, which must not learn the visitor's ticket. In the Rewrite function
// of an httputil.ReverseProxy, call it with the outgoing request. Other cookies stay.
func (m *Manager) StripTicket(r *http.Request) {
	if m.opts.Header != "" {
		r.Header.Del(m.opts.Header)
		return
	}
	lines := r.Header["Cookie"]
	kept := lines[:0:0]
	for _, line := range lines {
		var pairs []string
		for pair := range strings.SplitSeq(line, ";") {
			pair = textproto.TrimString(pair)
			if name, _, _ := strings.Cut(pair, "="); pair != "" && name != m.opts.Cookie.Name {
				pairs = append(pairs, pair)
			}
		}
		if len(pairs) > 0 {
			kept = append(kept, strings.Join(pairs, "; "))
		}
	}
	if r.Header.Del("Cookie"); len(kept) > 0 {
		r.Header["Cookie"] = kept
	}
}

// CarryTicket gives r the ticket that res has handed out, or takes away the one that res
// takes back, as the visitor's client would do; otherwise it leaves r as it is. It is
// for clients and tests.
func (m *Manager) CarryTicket(r *http.Request, res *http.Response) {
	if name := m.opts.Header; name != "" {
		ticket, ok := res.Header[m.opts.field()]
		switch {
		case !ok:
		case ticket[0] == "":
			r.Header.Del(name)
		case name == headerAuthorization:
			r.Header.Set(name, bearerScheme+ticket[0])
		default:
			r.Header.Set(name, ticket[0])
		}
		return
	}
	for _, cookie := range res.Cookies() {
		if cookie.Name != m.opts.Cookie.Name {
			continue
		}
		if m.StripTicket(r); cookie.MaxAge >= 0 {
			r.AddCookie(&http.Cookie{Name: cookie.Name, Value: cookie.Value}) //nolint:gosec // a request's cookie has no attributes
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
		value := ""
		if s.cookie == cookieSet {
			value = s.ticket.ticket
		}
		h.Set(o.field(), value)
	case s.cookie == cookieSet:
		h.Add("Set-Cookie", s.m.setCookie(s.ticket.ticket, s.lastsUntil(), o.persistent(&s.proper().lifetime)))
	default:
		h.Add("Set-Cookie", o.Cookie.unset())
	}
	// Else a browser shows the page again, by its Back button, after signing out.
	secret := s.cookie != cookieKeep || s.told
	if personal := secret || s.cur.subject != ""; personal && h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	if !secret {
		return
	}
	for _, name := range targeted { // whatever they say: a ticket is nobody else's
		switch _, ok := h[name]; {
		case ok && name == "X-Accel-Expires":
			h.Set(name, "0")
		case ok:
			h.Set(name, "no-store")
		}
	}
}

// overdue reports whether the ticket that is to be handed out was offered so long ago that
// another request may have dropped it. The one that the visitor has is good then.
func (s *Session) overdue() bool {
	if s.cookie != cookieSet || s.m.store == nil {
		return false
	}
	v := &s.cur
	if s.own != nil {
		v = &s.own.view
	}
	e := v.entry(s.ticket.hash)
	return e != nil && e.stale(wallNow()) && v.loginSeen()
}

// withhold notes the tickets that the header, which leaves now, does not hand out.
func (s *Session) withhold() {
	if s.wants.hand {
		s.m.withheld.add(s.ticket.hash)
	}
	s.m.withheld.addAll(s.tried)
}

// lastsUntil returns until when a persistent cookie is to be kept: to the session's
// last possible end, because it is not sent again. The server ends it earlier.
func (s *Session) lastsUntil() time.Time {
	return s.proper().endsBy(s.m.opts.AbsoluteTimeout)
}

// proper returns the rights that the ticket has in the visitor's own session.
func (s *Session) proper() *rights {
	if s.own != nil {
		return &s.own.view.rights
	}
	return &s.cur.rights
}

// persistent reports whether the browser is to keep the cookie when it closes.
func (o *Options) persistent(l *lifetime) bool {
	if l.persistence == persistDefault {
		return o.Cookie.Persistent
	}
	return l.persistence == persistYes
}

// Ticket commits the session and returns its ticket, for an API that hands it out in the
// body of a response (with [Options].Header). The ticket is as secret as a password. A
// new session is stored. If the same response offers another ticket later, with
// Authenticate for instance, that one is in the header, and is the one to use.
//
// Errors are those of [Session.Commit]. If the request's ticket is no longer good for its
// session, it is [ErrNotFound]. Where the ticket travels in a cookie, which scripts must
// not read, it is [ErrUnsupported].
func (s *Session) Ticket(ctx context.Context) (string, error) {
	if s.m.opts.Header == "" {
		return "", fmt.Errorf("%w: the ticket travels in a cookie; see Options.Header", ErrUnsupported)
	}
	s.mu.Lock()
	s.keepLocked()
	s.mu.Unlock()
	err := s.Commit(ctx)
	if err == nil {
		err = s.gone()
	}
	if err != nil {
		return "", err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.told = true
	return s.ticket.ticket, nil
}
