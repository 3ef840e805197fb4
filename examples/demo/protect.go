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
		sh.visit(w, r, s).fail(status, message)
	}).ServeHTTP(w, r)
}
