package dbsc

import (
	"errors"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/doubt"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A Status says how a request stands to the binding of its session.
type Status int

const (
	// Unbound means that the browser has bound no key to the visitor's login: it can't,
	// it has not done so yet, or nobody is signed in.
	Unbound Status = iota

	// Bound means that the request comes from the device that has the key, or did a
	// short while ago.
	Bound

	// Unproven means that the login is bound to a key, and that the request does not
	// show that its browser has it. Its cookie may be a copy. Or a browser that has the
	// key could not, or would not, prove it before the request.
	Unproven
)

// String returns the status in a word.
func (s Status) String() string {
	switch s {
	case Unbound:
		return "unbound"
	case Bound:
		return "bound"
	case Unproven:
		return "unproven"
	default:
		return "unknown"
	}
}

// Status returns how a request stands to the binding of its session s. It asks nobody:
// the session is loaded already.
func (b *Binder) Status(r *http.Request, s *session.Session) Status {
	return b.status(r, loginOf(s))
}

func (b *Binder) status(r *http.Request, l *login) Status {
	if l == nil {
		return Unbound
	}
	key := l.binding()
	if key == nil || !key.Seen {
		return Unbound
	}
	now := time.Now()
	for i, c := range r.CookiesNamed(b.cookie.Name) {
		if i == maxCookies {
			break
		}
		if _, ok := l.read(purposeCookie, c.Value, now, key.Key); ok {
			return Bound
		}
	}
	return Unproven
}

// maxCookies bounds the work on a request. A browser sends one.
const maxCookies = 4

// RefuseUnproven refuses the requests whose [Status] is Unproven, and calls next for all
// others, those of visitors who are not signed in among them. A request that is refused gets
// otherwise, or a plain 403 if that is nil. Its session goes on, no ticket is handed out
// because of the old one's age, and the request does not extend the session: whoever is
// refused must not be able to sign the visitor out. The response carries a challenge, so a
// browser that has the key is back with its next request. If a link on another site has led
// the visitor here, when browsers prove nothing, the response has them ask once more.
//
// So a login that is not bound, because the browser can't, is let through. So is a request
// that [session.Options].Skip has taken out: next can reach no more of the session than
// without the cookie. To refuse those as well, ask [Binder.Status] for Bound. If the session
// can't be loaded, the visitor gets the response of [session.Manager.Fail].
func (b *Binder) RefuseUnproven(next, otherwise http.Handler) http.HandlerFunc {
	if otherwise == nil {
		otherwise = http.HandlerFunc(forbid)
	}
	return b.sessions.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := b.sessions.Get(r)
		switch {
		case errors.Is(err, session.ErrSkipped):
			next.ServeHTTP(w, r)
			return
		case err != nil:
			b.sessions.Fail(w, r, err)
			return
		}
		l := loginOf(s)
		if b.status(r, l) != Unproven {
			next.ServeHTTP(w, r)
			return
		}
		doubt.Request(r.Context(), b.sessions)
		b.challenge(w, l, l.binding())
		if _, err := r.Cookie(b.cookie.Name); err == nil {
			b.unsetCookie(w)
		}
		if fromElsewhere(r) {
			loadAgain(w)
			return
		}
		b.log().WarnContext(r.Context(), "dbsc: bound session without its cookie refused",
			"method", r.Method, "pattern", r.Pattern, "session", l.id())
		b.emit(r.Context(), l, EventRequestRefused, nil)
		otherwise.ServeHTTP(w, r)
	})).ServeHTTP
}

// fromElsewhere reports whether another site's page has led the visitor here. Browsers
// don't refresh the cookie for that, because the other site could tell by the time it
// takes whether they are signed in.
func fromElsewhere(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" && (site == "cross-site" || site == "same-site")
}

// loadAgain has the browser ask once more, now by a page of ours.
func loadAgain(w http.ResponseWriter) {
	w.Header().Set("Refresh", "0")
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This page loads again in a moment.", http.StatusForbidden)
}

func forbid(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "This browser has not proved that you have signed in with it. Reload the page, or sign in again.", http.StatusForbidden)
}
