package main

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// How long a sign-in lasts.
const (
	signedInFor   = 12 * time.Hour
	rememberedFor = 14 * 24 * time.Hour // with "remember me"
)

// signInForm is what the page shows.
type signInForm struct {
	Login, Next, Error string
	Remember           bool
	Seeds              []seed
}

func (v *visit) showSignIn() {
	next := localPath(v.r.URL.Query().Get("next"))
	if v.who != nil {
		v.redirect(next)
		return
	}
	v.show(http.StatusOK, "login", v.t("login.title"), signInForm{Next: next, Seeds: seeds})
}

func (v *visit) signIn() {
	form := v.r.PostFormValue
	f := signInForm{Login: form("login"), Next: localPath(form("next")), Remember: form("remember") != "", Seeds: seeds}
	a, err := v.guard.check(v.r.Context(), "", f.Login, form("password"))
	if err != nil {
		var status int
		status, f.Error = v.refused(err, "login.wrong")
		v.show(status, "login", v.t("login.title"), f)
		return
	}
	v.begin(a)
	v.remember(f.Remember)
	v.s.Flash("success", v.t("login.welcome", a.Name))
	v.redirect(f.Next)
}

// begin is called when the visitor has proved to be a. The session gets a new
// ticket; cart, language and preferences stay.
func (v *visit) begin(a account) {
	v.s.Authenticate(a.ID)
	v.s.SetAuthHash(a.authHash())
	v.offer()
	deviceKey.Set(v.s, deviceOf(v.r.UserAgent()))
}

// again is called when the visitor, who is signed in as a, has proved that once more.
func (v *visit) again(a account) {
	v.s.Reauthenticate()
	v.s.SetAuthHash(a.authHash())
}

// remember has the browser keep the cookie when it is closed, and the session live
// longer. The next login without it undoes that.
func (v *visit) remember(yes bool) {
	if yes {
		v.s.Remember(rememberedFor)
	}
}

// signInPolicy completes session.Manager.Policy, which knows the defaults only.
func signInPolicy() string {
	return fmt.Sprintf("%-18s%v after signing in, cookie kept by the browser\n", "if remembered:", rememberedFor)
}

func (v *visit) signOut() {
	language, chosen := languageKey.Lookup(v.s)
	v.s.Destroy()
	// What follows belongs to a new session, which has nothing of the old one but
	// the language in which it says goodbye.
	if chosen {
		languageKey.Set(v.s, language)
	}
	v.s.Flash("success", v.t("login.goodbye"))
	v.redirect("/")
}

// signedIn sends everybody else to sign in first, and back afterwards.
func signedIn(f func(*visit)) func(*visit) {
	return func(v *visit) {
		if v.who == nil {
			v.redirect("/login?next=" + url.QueryEscape(v.here()))
			return
		}
		f(v)
	}
}

// only refuses those who are signed in and have another role.
func only(r role, f func(*visit)) func(*visit) {
	return signedIn(func(v *visit) {
		if v.who.Role != r {
			v.fail(http.StatusForbidden, "error.role")
			return
		}
		f(v)
	})
}

// confirmed asks for the password again before f, unless it was entered a short
// while ago: a session that was left open must not be enough (ASVS 7.5.1).
func (sh *shop) confirmed(f func(*visit)) http.Handler {
	return sh.sessions.RequireFresh(sh.fresh, sh.page(f), sh.page(signedIn(func(v *visit) {
		v.redirect("/confirm?next=" + url.QueryEscape(v.here()))
	})))
}

func (v *visit) showConfirm() {
	v.show(http.StatusOK, "confirm", v.t("confirm.title"), passwordForm{Next: localPath(v.r.URL.Query().Get("next"))})
}

func (v *visit) confirm() {
	f := passwordForm{Next: localPath(v.r.PostFormValue("next"))}
	a, err := v.guard.check(v.r.Context(), v.inside(), v.who.Login, v.r.PostFormValue("password"))
	if err != nil {
		var status int
		status, f.Error = v.refused(err, "password.wrong")
		v.show(status, "confirm", v.t("confirm.title"), f)
		return
	}
	v.again(a)
	v.redirect(f.Next)
}

// here returns the page that the visitor is on: for a form that was sent, the one
// that it is part of.
func (v *visit) here() string {
	path := v.r.URL.EscapedPath()
	if v.r.Method == http.MethodGet || v.r.Method == http.MethodHead {
		return v.r.URL.RequestURI()
	}
	first, _, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/")
	return "/" + first
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
