package main

import (
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestEachDashboardIsForOneRole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, tt := range []struct {
		who              *seed
		dashboard, admin int
	}{
		{nil, http.StatusSeeOther, http.StatusSeeOther},
		{&ada, http.StatusOK, http.StatusForbidden},
		{&bruno, http.StatusForbidden, http.StatusOK},
	} {
		v := s.visitor(t)
		if tt.who != nil {
			v.signIn(*tt.who)
		}
		v.wantStatus(v.get("/dashboard"), tt.dashboard)
		v.wantStatus(v.get("/admin"), tt.admin)
		if tt.admin == http.StatusForbidden {
			v.wantText(v.get("/admin"), "not for your account")
			v.wantStatus(v.post("/admin/"+bruno.ID+"/end", ""), http.StatusForbidden)
		}
	}
}

// What was taken away is gone at once, also from sessions that are open.
func TestARoleIsLookedUpAtEachRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.signIn(bruno)
	v.wantStatus(v.get("/admin"), http.StatusOK)
	s.shop.accounts.change(bruno.ID, func(a *account) { a.Role = customer })
	v.wantStatus(v.get("/admin"), http.StatusForbidden)
	v.wantStatus(v.get("/dashboard"), http.StatusOK)
}

func TestAnAdministratorEndsAnAccountsSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin, one, two := s.visitor(t), s.visitor(t), s.visitor(t)
	admin.signIn(bruno)
	one.signIn(ada)
	two.signIn(ada)
	a := admin.get("/admin")
	admin.wantText(a, s.shop.sessions.Policy()[:20])
	admin.wantText(a, "authenticated")
	admin.wantStatus(admin.post("/admin/nobody/end", ""), http.StatusNotFound)
	admin.wantRedirect(admin.post("/admin/"+ada.ID+"/end", ""), "/admin")
	admin.wantText(admin.get("/admin"), "Sessions that were ended: 2, of Ada Okafor.")
	admin.wantText(admin.get("/admin"), "revoked")
	for _, v := range []*visitor{one, two} {
		v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
	}
	admin.wantStatus(admin.get("/profile"), http.StatusOK)
	admin.wantRedirect(admin.post("/admin/"+bruno.ID+"/end", ""), "/admin") // one's own as well
	admin.wantRedirect(admin.get("/admin"), "/login?next=%2Fadmin")
}

func TestTheProfileShowsTheIDAndNotTheTicket(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
	v.signIn(ada)
	a := v.get("/profile")
	v.wantText(a, ada.Name)
	token, _, _ := strings.Cut(v.ticket(), ".")
	v.wantNoText(a, token)
}

func TestTheJournalIsBounded(t *testing.T) {
	t.Parallel()
	var j journal
	for i := range journalLength + 3 {
		j.note(t.Context(), session.Event{Kind: session.EventCreated, ID: strconv.Itoa(i)})
		j.note(t.Context(), session.Event{Kind: session.EventConflict})
	}
	got := j.latest()
	if len(got) != journalLength || got[0].ID != strconv.Itoa(journalLength+2) {
		t.Errorf("%d events, the latest is %s", len(got), got[0].ID)
	}
}
