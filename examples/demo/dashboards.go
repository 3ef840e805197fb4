package main

import (
	"errors"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// profile shows what the shop knows about the session, to whoever is signed in.
func (v *visit) profile() {
	s := v.s
	v.show(http.StatusOK, "profile", v.who.Name, struct {
		ID                                   string
		Started, SignedIn, LastSeen, Expires time.Time
	}{s.ID(), s.Started(), s.Authenticated(), s.LastSeen(), s.Expires()})
}

// dashboard is the customer's.
func (v *visit) dashboard() {
	v.show(http.StatusOK, "dashboard", v.t("dashboard.title"), v.orders.of(v.who.ID))
}

// A member is an account on the administrator's page.
type member struct {
	Account  account
	Sessions int
}

// admin is the administrator's dashboard.
func (v *visit) admin() {
	body := struct {
		Members     []member
		Unsupported bool // nobody can list sessions
		Orders      int
		Policy      string
		Events      []happened
	}{Orders: v.orders.count(), Policy: v.sessions.Policy() + signInPolicy() + v.devicePolicy(), Events: v.journal.latest()}
	for _, a := range v.accounts.all() {
		list, err := v.sessions.List(v.r.Context(), a.ID)
		switch {
		case errors.Is(err, session.ErrUnsupported):
			body.Unsupported = true
		case err != nil:
			v.sessions.Fail(v.w, v.r, err)
			return
		}
		body.Members = append(body.Members, member{a, len(list)})
	}
	v.show(http.StatusOK, "admin", v.t("admin.title"), body)
}

// endMember ends all sessions of an account: what an administrator does when it
// was taken over (ASVS 7.4.5).
func (v *visit) endMember() {
	a, ok := v.accounts.byID(v.r.PathValue("account"))
	if !ok {
		v.fail(http.StatusNotFound, "admin.unknown")
		return
	}
	n, err := v.sessions.EndSubject(v.r.Context(), a.ID)
	if err != nil {
		v.failEnding(err)
		return
	}
	v.s.Flash("success", v.t("admin.ended", n, a.Name))
	v.redirect("/admin")
}
