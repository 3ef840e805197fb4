package session

import (
	"errors"
	"fmt"
	"net/http"
	"net/textproto"
	"strings"
	"time"
)

// Limits that browsers keep (RFC 6265bis, 5.6 and 5.5).
const (
	maxCookieSize    = 4096
	maxAttributeSize = 1024
	maxCookieAge     = 400 * 24 * time.Hour
)

// Cookie describes the session's cookie. The zero value is the safest: a
// browser-session cookie __Host-session that goes back over https to this host
// only, that scripts can't read, and that other sites' forms don't send.
type Cookie struct {
	// Name is the cookie's name. The default is __Host-session, which a browser binds
	// to one host. Where Domain or Path rule that out, it is __Secure-session, and
	// with Insecure it is session. So a later change of Domain, Path or Insecure may change
	// the name, and signs everybody out then. Set Name to keep it.
	Name string

	// Domain shares the cookie with all subdomains of a domain, each of which
	// can then read and replace it. The default is this host alone.
	Domain string

	// Path limits the cookie to a part of the site. The default is /. It is no
	// security boundary (RFC 6265bis, 8.5).
	Path string

	// SameSite says which requests from other sites carry the cookie. The default is
	// http.SameSiteLaxMode: a link or an address does, a form that is posted does not.
	// None is for pages in other sites' frames, and for forms that other sites post.
	SameSite http.SameSite

	// Persistent keeps the cookie when the browser is closed, until AbsoluteTimeout,
	// 400 days at most. The server ends the session earlier, by IdleTimeout: by default after
	// an hour without use. For a choice of the visitor's, see Session.Remember.
	Persistent bool

	// Partitioned keeps a cookie in another site's frame apart from the cookie
	// in every other site's (CHIPS).
	Partitioned bool

	// Insecure leaves out Secure: the cookie travels over plain http, where everybody
	// on the way can read and use it. It is for development on a host other than
	// localhost, or for a browser to which even localhost is not secure (Safari).
	// Cookies ignore ports: give two applications on one host two names.
	Insecure bool

	// ScriptReadable leaves out HttpOnly: a script that an attacker gets into a
	// page can take the session away.
	ScriptReadable bool
}

const (
	prefixHost   = "__Host-"
	prefixSecure = "__Secure-"
)

func (c Cookie) withDefaults() (Cookie, error) {
	setDefault(&c.Path, "/")
	setDefault(&c.SameSite, http.SameSiteLaxMode)
	if c.Name == "" {
		switch {
		case c.Insecure:
			c.Name = "session"
		case c.Domain != "" || c.Path != "/":
			c.Name = prefixSecure + "session"
		default:
			c.Name = prefixHost + "session"
		}
	}
	err := c.check()
	return c, err
}

// check refuses what http.Cookie.Valid lets pass and browsers drop or
// shorten without a word (RFC 6265bis, 4.1.3 and 5.7).
func (c Cookie) check() error {
	if err := c.build().Valid(); err != nil {
		return fmt.Errorf("session: Options.Cookie: %w; Name is %q, Domain %q, Path %q", err, c.Name, c.Domain, c.Path)
	}
	switch {
	case c.hasPrefix(prefixHost) && (c.Insecure || c.Domain != "" || c.Path != "/"):
		return errors.New("session: Options.Cookie: browsers drop a __Host- cookie with Insecure, Domain or Path; leave Name empty")
	case c.hasPrefix(prefixSecure) && c.Insecure:
		return errors.New("session: Options.Cookie: browsers drop a __Secure- cookie with Insecure; leave Name empty")
	case (c.hasPrefix("__Http-") || c.hasPrefix("__Host-Http-")) && (c.Insecure || c.ScriptReadable):
		return errors.New("session: Options.Cookie: browsers drop an __Http- cookie with Insecure or ScriptReadable; choose another Name")
	case c.SameSite < http.SameSiteLaxMode || c.SameSite > http.SameSiteNoneMode:
		return errors.New("session: Options.Cookie.SameSite: use Lax, Strict or None; what no attribute means differs between browsers")
	case c.SameSite == http.SameSiteNoneMode && c.Insecure:
		return errors.New("session: Options.Cookie: browsers drop a SameSite=None cookie with Insecure; use https")
	case c.Path[0] != '/':
		return fmt.Errorf("session: Options.Cookie.Path %q must begin with /", c.Path)
	case len(c.Path) > maxAttributeSize || len(c.Domain) > maxAttributeSize:
		return fmt.Errorf("session: Options.Cookie: Path and Domain are at most %d bytes long", maxAttributeSize)
	case len(c.Name)+maxTicketLen > maxCookieSize:
		return fmt.Errorf("session: Options.Cookie.Name of %d bytes is too long: name and value are at most %d", len(c.Name), maxCookieSize)
	}
	return nil
}

// hasPrefix ignores case, as browsers do.
func (c Cookie) hasPrefix(prefix string) bool {
	return len(c.Name) >= len(prefix) && strings.EqualFold(c.Name[:len(prefix)], prefix)
}

// build returns the cookie without a value.
func (c Cookie) build() *http.Cookie {
	return &http.Cookie{ //nolint:gosec // the options decide
		Name:        c.Name,
		Domain:      c.Domain,
		Path:        c.Path,
		SameSite:    c.SameSite,
		Secure:      !c.Insecure,
		HttpOnly:    !c.ScriptReadable,
		Partitioned: c.Partitioned,
	}
}

// attributes returns what follows the value in a Set-Cookie field. An age of 0 keeps the
// cookie until the browser is closed.
func (c Cookie) attributes(age int) string {
	cookie := c.build() //nolint:gosec // the options decide
	cookie.MaxAge = age
	_, attributes, _ := strings.Cut(cookie.String(), "=")
	return attributes
}

// setCookie returns the Set-Cookie field that hands out a ticket until expires. net/http
// does not see the ticket: it would look at each byte of a session that travels in its
// cookie, and all are base64url or a point.
func (m *Manager) setCookie(ticket string, expires time.Time, persistent bool) string {
	attributes := m.attrs
	if persistent {
		age := min(expires.Sub(wallNow()), maxCookieAge)
		attributes = m.opts.Cookie.attributes(max(1, int((age+time.Second-1)/time.Second)))
	}
	return m.opts.Cookie.Name + "=" + ticket + attributes
}

// unset returns the Set-Cookie field that makes a browser forget the cookie it has. Only
// the same name, domain and path, and Partitioned, name the same cookie.
func (c Cookie) unset() string {
	cookie := c.build() //nolint:gosec // the options decide
	cookie.MaxAge = -1
	return cookie.String()
}

// Cookie returns the cookie that carries the ticket, with its defaults, for packages that
// set another one beside it. Where no cookie carries a ticket, because [Options].Header
// does or because the session itself travels in its cookie, the error is
// [ErrUnsupported].
func (m *Manager) Cookie() (Cookie, error) {
	switch {
	case m.opts.Header != "":
		return Cookie{}, fmt.Errorf("%w: the ticket travels in the header field %s", ErrUnsupported, m.opts.Header)
	case m.store == nil:
		return Cookie{}, fmt.Errorf("%w: the session itself travels in its cookie", ErrUnsupported)
	default:
		return m.opts.Cookie, nil
	}
}

// maxCookies bounds the work on a request. It is how many net/http reads; browsers
// send fewer than 200.
const maxCookies = 3000

// eachCookie calls yield with the values of the cookies of a name, as the client
// sent them, until it has had enough. It splits the header itself so as not to
// allocate for cookies that are not ours.
func eachCookie(r *http.Request, name string, yield func(string) bool) {
	left := maxCookies
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			if left--; left < 0 {
				return
			}
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			pair = pair[:min(len(pair), 2*maxCookieSize)] // what is longer is none of ours, and not worth a look
			n, value, ok := strings.Cut(textproto.TrimString(pair), "=")
			if ok && n == name && !yield(value) {
				return
			}
		}
	}
}
