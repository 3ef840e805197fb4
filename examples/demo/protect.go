package main

import (
	"errors"
	"net/http"
	"strings"
)

// maxForm is far above what any form of the shop sends.
const maxForm = 64 << 10

// protect puts in front of next what every page needs, whatever it does.
func protect(next http.Handler) http.Handler {
	crossOrigin := http.NewCrossOriginProtection()
	crossOrigin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		fail(w, http.StatusForbidden, "This request came from another site.")
	}))
	return securityHeaders(crossOrigin.Handler(parsedForm(next)))
}

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
		next.ServeHTTP(w, r)
	})
}

// parsedForm parses the form of a POST, so that handlers find it in
// r.PostForm and none of them works with a part of one.
func parsedForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if status := parseForm(w, r); status != http.StatusOK {
				fail(w, status, "This form can't be read.")
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

func parseForm(w http.ResponseWriter, r *http.Request) (status int) {
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if kind != "" && !strings.EqualFold(strings.TrimSpace(kind), "application/x-www-form-urlencoded") {
		return http.StatusUnsupportedMediaType
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	err := r.ParseForm()
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case err != nil:
		return http.StatusBadRequest
	}
	return http.StatusOK
}
