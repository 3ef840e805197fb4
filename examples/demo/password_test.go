package main

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestANewPasswordSignsOutTheOthers(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]site{
		"memory":                 newSite(t),
		"cookie":                 openSite(t, nil, nil),
		"a store without a list": openSite(t, struct{ session.Store }{memstore.New(memstore.Options{})}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			here, there := s.visitor(t), s.visitor(t)
			here.signIn(ada)
			there.signIn(ada)
			const password = "correct horse battery staple"
			here.wantRedirect(here.post("/password", "current="+ada.Password+"&password="+password), "/profile")
			here.wantText(here.get("/profile"), "Your password is changed.")
			there.wantRedirect(there.get("/profile"), "/login?next=%2Fprofile")
			there.wantStatus(there.post("/login", ada.credentials()), http.StatusForbidden)
			there.wantRedirect(there.post("/login", "login=ada&password="+password), "/")
		})
	}
}

// Of two who know the password and change it at the same moment, one does: a thief's
// change does not replace the one that was to keep them out.
func TestAPasswordIsChangedByWhoKnowsTheOneThatThereIs(t *testing.T) {
	t.Parallel()
	a := newAccounts()
	checked, _, err := a.verify(t.Context(), ada.Login, ada.Password)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := a.setPassword(t.Context(), checked, "the customer's"); err != nil {
		t.Fatal(err)
	}
	if _, err := a.setPassword(t.Context(), checked, "the thief's"); !errors.Is(err, errWrong) {
		t.Errorf("error %v, want errWrong", err)
	}
	if _, ok, err := a.verify(t.Context(), ada.Login, "the customer's"); !ok || err != nil {
		t.Errorf("the customer's password: %t, error %v", ok, err)
	}
}

// Who finds out by the time it takes which accounts there are needs a list of
// passwords for those only.
func TestAnUnknownAccountTakesAsLong(t *testing.T) {
	t.Parallel()
	a := newAccounts()
	if got, want := len(a.nobody.password.salt), len(a.list[0].password.salt); got != want {
		t.Errorf("nobody has a salt of %d bytes, want %d", got, want)
	}
	for range cap(a.hashing) {
		a.hashing <- struct{}{} // nobody gets a turn
	}
	done, cancel := context.WithCancel(t.Context())
	cancel()
	for _, login := range []string{ada.Login, "eve", ""} {
		if _, ok, err := a.verify(done, login, "x"); ok || !errors.Is(err, context.Canceled) {
			t.Errorf("%q is answered without computing a hash: %t, %v", login, ok, err)
		}
	}
}

func TestAPasswordThatCanNotBe(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.wantRedirect(v.get("/password"), "/login?next=%2Fpassword")
	v.signIn(ada)
	for form, want := range map[string]struct {
		status  int
		problem string
		field   string // that the problem is about
	}{
		"current=wrong&password=long enough":          {http.StatusForbidden, "not your password", "current"},
		"password=long enough":                        {http.StatusForbidden, "not your password", "current"},
		"current=" + ada.Password + "&password=short": {http.StatusUnprocessableEntity, "from 15 to 256", "password"},
		"current=" + ada.Password:                     {http.StatusUnprocessableEntity, "from 15 to 256", "password"},
		"current=" + ada.Password + "&password=" + strings.Repeat("a", 1+maxPassword): {
			http.StatusUnprocessableEntity, "from 15 to 256", "password",
		},
	} {
		a := v.post("/password", form)
		v.wantStatus(a, want.status)
		v.wantText(a, want.problem)
		described := describedPattern.FindAllStringSubmatch(a.body, -1)
		if len(described) != 1 || described[0][1] != want.field {
			t.Errorf("%s: the problem belongs to %q, want %q", form, described, want.field)
		}
	}
	v.wantStatus(v.get("/profile"), http.StatusOK)
	v.post("/logout", "")
	v.signIn(ada)
}

var describedPattern = regexp.MustCompile(`name="(\w+)"[^>]*aria-describedby="problem"`)

func TestAnAccountThatIsGoneIsSignedOut(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.signIn(ada)
	ticket := v.ticket()
	s.shop.accounts.change(ada.ID, func(a *account) { a.ID = "deleted" })
	v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
	s.shop.accounts.change("deleted", func(a *account) { a.ID = ada.ID })
	v.wantRedirect(v.withTicket("/profile", ticket), "/login?next=%2Fprofile")
}
