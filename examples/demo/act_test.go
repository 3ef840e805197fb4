package main

import (
	"net/http"
	"strings"
	"testing"
)

// actAs has an administrator act as ada.
func (v *visitor) actAs() {
	v.t.Helper()
	v.signIn(bruno)
	v.wantRedirect(v.post("/admin/"+ada.ID+"/act", ""), "/dashboard")
}

func TestAnAdministratorActsAsACustomerAndEveryPageSaysSo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	customer, admin := s.visitor(t), s.visitor(t)
	customer.signIn(ada)
	admin.actAs()
	for _, path := range []string{"/", "/cart", "/dashboard", "/profile", "/history", "/preferences", "/products/scarf", "/nowhere"} {
		admin.wantText(admin.get(path), "Bruno Silva acts as Ada Okafor.")
	}
	admin.wantStatus(admin.get("/admin"), http.StatusForbidden)
	admin.post("/cart/scarf", "quantity=1")
	admin.wantRedirect(admin.get("/devices"), "/confirm?next=%2Fdevices") // never fresh
	devices := customer.get("/devices")
	customer.wantText(devices, "Support: Bruno Silva")
	customer.wantNoText(customer.get("/cart"), "Scarf")
	admin.wantRedirect(admin.post("/act/stop", ""), "/admin")
	admin.wantStatus(admin.get("/admin"), http.StatusOK)
	admin.wantNoText(admin.get("/cart"), "Scarf")
	admin.wantText(admin.get("/admin"), "impersonation over")
}

// The form that begins and the one that ends it may be sent twice.
func TestActingIsAskedForTwice(t *testing.T) {
	t.Parallel()
	admin := newSite(t).visitor(t)
	admin.signIn(bruno)
	token := admin.token()
	for range 2 {
		admin.wantRedirect(admin.send(admin.form("/admin/"+ada.ID+"/act", "", token)), "/dashboard")
	}
	token = admin.token()
	for range 2 {
		admin.wantRedirect(admin.send(admin.form("/act/stop", "", token)), "/admin")
	}
	admin.wantStatus(admin.get("/admin"), http.StatusOK)
}

// What ends it leaves the administrator a way back.
func TestWhatEndsActingLeadsBack(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s site){
		"EndSubject": func(t *testing.T, s site) {
			t.Helper()
			if _, err := s.shop.sessions.EndSubject(t.Context(), ada.ID); err != nil {
				t.Error(err)
			}
		},
		"a new password": func(t *testing.T, s site) {
			t.Helper()
			a, _ := s.shop.accounts.byID(ada.ID)
			if _, err := s.shop.accounts.setPassword(t.Context(), a, "another password"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			admin := s.visitor(t)
			admin.actAs()
			end(t, s)
			admin.wantText(admin.get("/cart"), "Bruno Silva acts as nobody any more.")
			admin.wantRedirect(admin.get("/profile"), "/login?next=%2Fprofile")
			admin.wantRedirect(admin.post("/act/stop", ""), "/admin")
			admin.wantStatus(admin.get("/admin"), http.StatusOK)
		})
	}
}

func TestSigningOutWhileActingSignsOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.visitor(t)
	admin.actAs()
	ticket := admin.ticket()
	admin.wantRedirect(admin.post("/logout", ""), "/")
	if a := admin.withTicket("/", ticket); strings.Contains(a.body, "Bruno") || strings.Contains(a.body, "Ada") {
		t.Errorf("the ticket is good for something:\n%s", a.body)
	}
	for _, id := range []string{ada.ID, bruno.ID} {
		if list, err := s.shop.sessions.List(t.Context(), id); err != nil || len(list) > 0 {
			t.Errorf("listed: %+v, error %v", list, err)
		}
	}
}

func TestWhoIsNoAdministratorAnyMoreActsNoMore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin, other := s.visitor(t), s.visitor(t)
	admin.actAs()
	s.shop.accounts.change(bruno.ID, func(a *account) { a.Role = customer })
	admin.wantRedirect(admin.get("/profile"), "/login?next=%2Fprofile")
	other.signIn(ada)
	other.wantStatus(other.post("/admin/"+ada.ID+"/act", ""), http.StatusForbidden)
}

func TestWhereNobodyCanAct(t *testing.T) {
	t.Parallel()
	admin := openSite(t, nil, newKeys()).visitor(t)
	admin.signIn(bruno)
	admin.wantStatus(admin.post("/admin/"+ada.ID+"/act", ""), http.StatusNotImplemented)
	admin.wantStatus(admin.post("/admin/"+bruno.ID+"/act", ""), http.StatusNotFound)
	admin.wantStatus(admin.get("/admin"), http.StatusOK)
}
