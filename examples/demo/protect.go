package main

import (
	"errors"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// maxForm is far above what any form of the shop sends.
const maxForm = 64 << 10

// securityHeaders limits what a page may load, run and be part of. There are
// no scripts at all, and no style but the shop's own.
func securityHeaders(next http.Handler) http.Handler {
	const policy = "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer, with which browsers send "Origin: null" with a form.
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses what a browser says another site has made it send, before
// anything is read. The token of csrf.Protection does not depend on what
// browsers say.
func (sh *shop) sameOrigin(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sh.refuse(w, r, http.StatusForbidden, "error.origin")
	}))
	return crossOrigin.Handler(next)
}

// forged answers a form without the token of its session: sent by another site,
// or left open until the session had ended.
func (sh *shop) forged(w http.ResponseWriter, r *http.Request, err error) {
	status, message := http.StatusForbidden, "error.form"
	if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
		status, message = http.StatusRequestEntityTooLarge, "error.form-large"
	}
	sh.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		v := sh.visit(w, r, s)
		if to, done := v.doneAlready(); done {
			v.redirect(to)
			return
		}
		v.fail(status, message)
	}).ServeHTTP(w, r)
}

// doneAlready reports whether what a form asks for has happened, and where it leads.
// Whoever clicks twice may send the second form with the ticket that the first one's
// answer has brought: the form's token does not belong to that one. There is nothing
// left to be done, so nothing that another site could make happen either.
func (v *visit) doneAlready() (to string, done bool) {
	if to, done := v.actedAlready(); done {
		return to, true
	}
	switch v.r.URL.Path {
	case "/login":
		return localPath(v.r.PostFormValue("next")), v.who != nil && v.who.Login == v.r.PostFormValue("login")
	case "/confirm":
		return localPath(v.r.PostFormValue("next")), v.who != nil && v.s.Fresh(v.fresh)
	case "/logout":
		return "/", v.who == nil
	default:
		return "", false
	}
}
