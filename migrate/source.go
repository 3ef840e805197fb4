package migrate

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"
)

// A Source reads the sessions of another framework. Its methods may be called by
// several goroutines at once.
type Source interface {
	// Read returns the session that the request brings. If it brings none, Read
	// returns ErrNone. If the other framework would not accept it, Read returns an error
	// that wraps ErrRefused. Any other error means that the records could not be
	// read: the visitor may well be signed in.
	Read(r *http.Request) (Legacy, error)

	// Delete deletes a record at the server, so that its cookie is worth nothing
	// any more. It is no error if there is none. It is not called for
	// sessions that have no record.
	Delete(ctx context.Context, record string) error

	// Expired returns the cookie that makes a browser drop the session's: one of
	// the same name, domain and path that has expired.
	Expired() *http.Cookie
}

// Legacy is a session of another framework.
type Legacy struct {
	Values Values

	// Record names what the server keeps of the session, for Source.Delete. It is
	// empty if the cookie holds everything.
	Record string

	// Signed is when the cookie was made, and Expires when the session ends; each
	// is zero if the format does not say.
	Signed, Expires time.Time

	cookie string // what its signature is of, if the cookie holds everything: however that is spelled; "": unknown
}

// maxCookies is how many cookies of the same name are tried. A browser sends
// several if they were set for several paths or domains.
const maxCookies = 8

// read decodes the request's cookies of a name, and returns the first session
// that it finds.
func read(r *http.Request, name string, decode func(ctx context.Context, value string, now time.Time) (Legacy, error)) (Legacy, error) {
	err, now := ErrNone, time.Now()
	for i, cookie := range r.CookiesNamed(name) {
		if i == maxCookies {
			break
		}
		if cookie.Value == "" {
			continue
		}
		legacy, why := decode(r.Context(), cookie.Value, now)
		if !errors.Is(why, ErrRefused) { // found, or out of order
			return legacy, why
		}
		err = why
	}
	return Legacy{}, err
}

// expired returns the cookie that ends one with the same attributes. Name and path
// default to name and /, as with all frameworks here.
func expired(c http.Cookie, name string) *http.Cookie { //nolint:gosec // its attributes have to be the old one's
	c.Name, c.Path = cmp.Or(c.Name, name), cmp.Or(c.Path, "/")
	c.Value, c.Expires, c.MaxAge = "", time.Unix(1, 0).UTC(), -1
	return &c
}

// maxAge returns the age that a framework allows: d, its default if d is zero, or
// any age, as zero, if d is negative.
func maxAge(d, byDefault time.Duration) time.Duration {
	switch {
	case d == 0:
		return byDefault
	case d < 0:
		return 0
	}
	return d
}
