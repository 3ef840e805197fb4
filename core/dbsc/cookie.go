package dbsc

import (
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// boundCookie returns the bound cookie that stands beside c. Its name is derived, so that
// two Managers of one host have two. Chromium does not refresh one that begins with
// __Host-Http-.
func boundCookie(c session.Cookie) http.Cookie {
	name := c.Name
	for _, prefix := range []string{"__Host-Http-", "__Http-", "__Host-", "__Secure-"} {
		if len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) {
			name = name[len(prefix):]
			break
		}
	}
	return http.Cookie{ //nolint:gosec // the session decides on SameSite
		Name: "__Host-" + name + "-device", Path: "/", Secure: true, HttpOnly: true, SameSite: c.SameSite,
	}
}

// leeway is by how much clocks may differ: a cookie is good for as much longer than the
// browser keeps it.
func (b *Binder) leeway() time.Duration { return b.opts.Lifetime / 2 }

// setCookie hands out a bound cookie.
func (b *Binder) setCookie(w http.ResponseWriter, l *login, key *binding) {
	c := b.cookie //nolint:gosec // a copy of what boundCookie returns
	c.Value = l.write(purposeCookie, time.Now().Add(b.opts.Lifetime+b.leeway()), key.Key)
	c.MaxAge = int(b.opts.Lifetime.Round(time.Second) / time.Second)
	http.SetCookie(w, &c)
}

// unsetCookie takes the bound cookie back, so that the browser gets a new one before its
// next request.
func (b *Binder) unsetCookie(w http.ResponseWriter) {
	c := b.cookie //nolint:gosec // a copy of what boundCookie returns
	c.MaxAge = -1
	http.SetCookie(w, &c)
}

// attributes returns the cookie's attributes as the browser is told them.
func (b *Binder) attributes() string {
	c := b.cookie
	return strings.TrimPrefix(c.String(), c.Name+"=; ")
}
