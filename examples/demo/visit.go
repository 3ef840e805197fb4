package main

import (
	"errors"
	"net/http"
	"strconv"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A visit is one request of a visitor, with the session and what follows from it.
type visit struct {
	*shop

	w      http.ResponseWriter
	r      *http.Request
	s      *session.Session
	who    *account // nil: nobody is signed in
	actor  *account // acts as who, or has done so; nil: nobody
	locale *locale
	shown  func() // called when a page is ready to be sent, unless nil
}

// page returns a handler that calls f with the visit. If the session can't be
// loaded, the visitor gets the page of shop.unavailable instead.
func (sh *shop) page(f func(*visit)) http.Handler {
	return sh.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		f(sh.visit(w, r, s))
	})
}

func (sh *shop) visit(w http.ResponseWriter, r *http.Request, s *session.Session) *visit {
	v := &visit{shop: sh, w: w, r: r, s: s}
	v.findActor()
	if s.Subject() != "" {
		switch a, ok := sh.accounts.byID(s.Subject()); {
		case !ok: // the account was deleted
			s.Destroy()
		case s.CheckAuthHash(a.authHash()): // else it has ended: the password is a new one
			v.who = &a
		}
	}
	v.locale = localeOf(r, s)
	return v
}

// t returns a text in the visitor's language.
func (v *visit) t(key string, args ...any) string { return v.locale.text(key, args...) }

// show answers with a page.
func (v *visit) show(status int, name, title string, body any) {
	if v.r.Method == http.MethodHead {
		// Nobody sees the page: it takes no message and begins no session.
		writeHeader(v.w, v.locale, status)
		return
	}
	flashes, err := v.s.Flashes(v.r.Context())
	if err != nil {
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	text, err := v.templates.render(name, page{
		Title:       title,
		Locale:      v.locale,
		Request:     v.r,
		Customer:    v.who,
		Actor:       v.actor,
		Preferences: preferencesKey.Get(v.s),
		Items:       cartKey.Get(v.s).items(),
		Flashes:     flashes,
		Body:        body,
	})
	if err != nil { // the token of a form needs a session, which could not be stored
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	if v.shown != nil && status == http.StatusOK {
		v.shown()
	}
	writeHeader(v.w, v.locale, status)
	_, _ = v.w.Write(text) //nolint:gosec // html/template has escaped it; the visitor may be gone
}

// fail answers with a page that says what is wrong.
func (v *visit) fail(status int, message string, args ...any) {
	v.show(status, "error", v.t("error."+strconv.Itoa(status)), v.t(message, args...))
}

// saved is redirect after a change. A ticket from before a login, or of a session that has
// ended, keeps none: its visitor is told so.
func (v *visit) saved(path string) {
	if err := v.s.Commit(v.r.Context()); err != nil {
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	v.redirect(path)
}

// redirect sends the browser to another page, with GET.
func (v *visit) redirect(path string) {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther) //nolint:gosec // what a visitor names has passed localPath
}

// refuse answers with a page that needs no session.
func (sh *shop) refuse(w http.ResponseWriter, r *http.Request, status int, message string) {
	l := asked(r)
	text, err := sh.templates.render("error", page{
		Title: l.text("error." + strconv.Itoa(status)), Locale: l, Request: r, Body: l.text(message),
	})
	if err != nil {
		sh.log.ErrorContext(r.Context(), "demo: page can't be made", "error", err)
	}
	writeHeader(w, l, status)
	_, _ = w.Write(text) // the visitor may be gone
}

// unavailable answers when a session can't be loaded or saved. The visitor is
// not signed out: the next request finds everything as it was.
func (sh *shop) unavailable(w http.ResponseWriter, r *http.Request, err error) {
	switch status := session.StatusCode(err); {
	case errors.Is(err, session.ErrTooLarge): // the visitor has filled it, and nothing of ours is wrong
		sh.refuse(w, r, http.StatusRequestEntityTooLarge, "error.large")
	case status == http.StatusServiceUnavailable:
		w.Header().Set("Retry-After", "5")
		sh.refuse(w, r, status, "error.store")
	case status == http.StatusConflict:
		sh.refuse(w, r, status, "error.ended")
	default:
		sh.refuse(w, r, status, "error.broken")
	}
}
