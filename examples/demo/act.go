package main

import (
	"net/http"
	"strings"
	"time"
)

// actFor is for how long an administrator acts as a customer.
const actFor = 15 * time.Minute

// act has the administrator see the shop as a customer does, to help. Who they are is on
// every page, in the customer's list of devices, and in the events.
func (v *visit) act() {
	a, ok := v.accounts.byID(v.r.PathValue("account"))
	if !ok || a.Role != customer {
		v.fail(http.StatusNotFound, "admin.unknown")
		return
	}
	if err := v.s.Impersonate(v.r.Context(), a.ID, actFor); err != nil {
		v.failEnding(err)
		return
	}
	v.s.SetAuthHash(a.authHash()) // a new password of the customer's ends this, too
	v.redirect(a.Home())
}

// stopActing leads the administrator back.
func (v *visit) stopActing() {
	if err := v.s.StopImpersonating(v.r.Context()); err != nil {
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	v.redirect(account{Role: administrator}.Home())
}

// findActor looks up who acts in the session, if it is not its customer. Whoever is no
// administrator any more is signed out.
func (v *visit) findActor() {
	id := v.s.Actor()
	if id == "" {
		return
	}
	if a, ok := v.accounts.byID(id); ok && a.Role == administrator {
		v.actor = &a
		return
	}
	v.s.Destroy()
}

// actedAlready reports whether a form that was sent twice has begun or ended this.
func (v *visit) actedAlready() (to string, done bool) {
	path := v.r.URL.Path
	switch {
	case path == "/act/stop":
		return account{Role: administrator}.Home(), v.who != nil && v.actor == nil
	case strings.HasPrefix(path, "/admin/") && strings.HasSuffix(path, "/act"):
		return account{Role: customer}.Home(), v.who != nil && v.actor != nil
	default:
		return "", false
	}
}
