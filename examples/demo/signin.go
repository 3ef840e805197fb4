package main

import (
	"net/http"
	"net/url"
	"strings"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

// signInPage is what the page shows beside the form.
type signInPage struct {
	Name, Next, Error string
	Accounts          []demoAccount
}

func (sh *shop) signInForm(w http.ResponseWriter, r *http.Request, s *session.Session) {
	next := localPath(r.URL.Query().Get("next"))
	if sh.customer(s) != nil {
		redirect(w, r, next)
		return
	}
	sh.show(w, s, http.StatusOK, "login", "Sign in", signInPage{Next: next, Accounts: demo})
}

func (sh *shop) signIn(w http.ResponseWriter, r *http.Request, s *session.Session) {
	name, next := r.PostForm.Get("name"), localPath(r.PostForm.Get("next"))
	a, err := sh.accounts.verify(r.Context(), name, r.PostForm.Get("password"))
	if err != nil { // the visitor has gone
		fail(w, http.StatusServiceUnavailable, "Please try again.")
		return
	}
	if a == nil {
		// 403, not 401: that one belongs to HTTP's own authentication (RFC 9110, 15.5).
		sh.show(w, s, http.StatusForbidden, "login", "Sign in",
			signInPage{Name: name, Next: next, Error: "Name and password don't match.", Accounts: demo})
		return
	}
	s.Authenticate(a.ID)
	noticeKey.Set(s, "Welcome, "+a.Name+".")
	redirect(w, r, next)
}

func (sh *shop) signOut(w http.ResponseWriter, r *http.Request, s *session.Session) {
	s.Destroy()
	// The goodbye belongs to a new session, which has nothing of the old one.
	noticeKey.Set(s, "You are signed out. Goodbye!")
	redirect(w, r, "/")
}

// customer returns the account that the visitor is signed in to, or nil.
func (sh *shop) customer(s *session.Session) *account { return sh.accounts.byID(s.Subject()) }

// customersOnly sends everybody else to sign in first, and back afterwards.
func (sh *shop) customersOnly(
	f func(http.ResponseWriter, *session.Session, *account),
) func(http.ResponseWriter, *http.Request, *session.Session) {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if a := sh.customer(s); a != nil {
			f(w, s, a)
			return
		}
		redirect(w, r, "/login?next="+url.QueryEscape(r.URL.RequestURI()))
	}
}

func (sh *shop) profile(w http.ResponseWriter, s *session.Session, a *account) {
	sh.show(w, s, http.StatusOK, "profile", a.Name, struct {
		Handle                               string
		Created, SignedIn, LastSeen, Expires time.Time
	}{s.Handle(), s.Created(), s.Authenticated(), s.LastSeen(), s.Expires()})
}

// localPath returns next if it leads to a page of this site, and the home page
// otherwise: a link to our sign-in page must not be a way to somebody else's.
func localPath(next string) string {
	const home = "/"
	// Browsers take a backslash for a slash and leave out tabs and line ends, and
	// what starts with two slashes is a host.
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.Contains(next, `\`) {
		return home
	}
	u, err := url.Parse(next) // refuses control characters
	if err != nil || u.Scheme != "" || u.Host != "" {
		return home
	}
	return next
}

// redirect sends the browser to another page, with GET.
func redirect(w http.ResponseWriter, r *http.Request, path string) {
	http.Redirect(w, r, path, http.StatusSeeOther) //nolint:gosec // what a visitor names has passed localPath
}
