package shop_test

import (
	"math"
	"net/url"
	"testing"
	"time"
)

func TestVisitsAreCountedForEachBrowser(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	one, other := enter(t, s), enter(t, s)
	for _, step := range []struct {
		v    *visitor
		want string
	}{{one, "1"}, {other, "1"}, {one, "2"}, {one, "3"}, {other, "2"}} {
		if got := step.v.visit("/visits"); got != step.want+"\n" && got != step.want {
			t.Errorf("visit %q, want %s", got, step.want)
		}
	}
	one.visit("/")
	one.want("#visits strong", "3")
	other.visit("/")
	other.want("#visits strong", "2")
}

func TestLookingAroundLeavesNoCookie(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	v.visit("/")
	v.visit("/history")
	if c := v.cookie(); c != nil {
		t.Errorf("the browser has %+v", *c)
	}
}

func TestAProtectedPageIsShownAfterSigningIn(t *testing.T) {
	t.Parallel()
	both(t, openFiles(t), func(v *visitor, p person) {
		v.visit("/profile")
		v.wantAt("/login?next=%2Fprofile", 200)
		before := v.cookie()

		v.identify(p.login, "not-"+p.password)
		v.wantAt("/login", 403)
		v.want("#problem", "Name and password don't match.")
		v.identify("nobody", p.password)
		v.wantAt("/login", 403)
		v.want("#problem", "Name and password don't match.")
		if !v.isNobody() {
			v.Fatal("a wrong password is good for signing in")
		}

		v.identify(p.login, p.password)
		v.wantAt("/profile", 200)
		v.want("h1", p.name)
		v.want(".flash", "Welcome, "+p.name+".")
		if after := v.cookie(); before == nil || after == nil || after.Value == before.Value {
			v.Error("the ticket is the one from before")
		}

		v.click("#logout")
		v.wantAt("/", 200)
		v.want(".flash", "You are signed out. Goodbye!")
		if !v.isNobody() {
			v.Error("still signed in")
		}
	})
}

func TestSigningInLeadsToNoOtherSite(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	for next, want := range map[string]string{
		"//evil.test/":           "/",
		`/\evil.test/`:           "/",
		`\\evil.test/`:           "/",
		"https://evil.test/":     "/",
		"javascript:alert(1)":    "/",
		"/\t/evil.test/":         "/",
		"/products/hat?a=%2Fb#c": "/products/hat?a=%2Fb#c",
	} {
		for _, named := range []string{"in the link", "in the form"} {
			v.visit("/login")
			if named == "in the link" {
				v.visit("/login?next=" + url.QueryEscape(next))
			} else {
				v.fill("#login [name=next]", next)
			}
			v.identify(ada.login, ada.password)
			if got := v.path(); got != want {
				t.Errorf("%q %s leads to %s, want %s", next, named, got, want)
			}
			v.visit("/login?next=" + url.QueryEscape(next)) // by somebody who is signed in
			if got := v.path(); got != want {
				t.Errorf("%q leads to %s, want %s", next, got, want)
			}
			v.visit("/cart")
			v.click("#logout")
		}
	}
}

func TestRememberMeKeepsTheCookieInTheBrowser(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	both(t, openFiles(t), func(v *visitor, p person) {
		v.signIn(p, "/")
		if c := v.cookie(); !c.Session || c.Expires >= 0 {
			v.Errorf("not to be remembered, and the cookie expires at %v", c.Expires)
		}
		v.click("#logout")

		v.visit("/login")
		v.tick("#remember")
		v.identify(p.login, p.password)
		c := v.cookie()
		if c.Session {
			v.Fatal("to be remembered, and the browser forgets the cookie when it is closed")
		}
		seconds, fraction := math.Modf(c.Expires)
		if left := time.Until(time.Unix(int64(seconds), int64(fraction*1e9))); left < 13*day || left > 15*day {
			v.Errorf("the browser keeps the cookie for %v, want 14 days", left)
		}
		if !c.HTTPOnly || c.SameSite != "Lax" || c.Path != "/" {
			v.Errorf("the cookie is %+v", *c)
		}
	})
}

func TestEachRoleHasItsDashboard(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	guest := enter(t, s)
	both(t, s, func(v *visitor, p person) {
		v.signIn(p, p.home)
		v.click("#nav-dashboard")
		v.wantAt(p.home, 200)
		v.visit(p.notHome)
		v.wantAt(p.notHome, 403)
		v.want("#message", "This page is not for your account.")
		if v.sees("#policy") || v.sees("#orders") || v.sees("#no-orders") {
			v.Error("the page shows what is not for this account")
		}
	})
	for _, path := range []string{ada.home, bruno.home} {
		guest.visit(path)
		guest.wantAt("/login?next="+url.QueryEscape(path), 200)
	}
}

func TestTheBackButtonShowsNothingAfterSigningOut(t *testing.T) {
	t.Parallel()
	bothBy(t, openFiles(t), enterWhole, func(v *visitor, p person) {
		v.signIn(p, "/profile")
		v.click("#logout")
		v.GoBack()
		v.Await(`location.pathname !== "/" && document.readyState === "complete"`)
		v.wantAt("/login?next=%2Fprofile", 200)
		if v.sees("#session") || v.read("#nav-profile") != "" {
			v.Error("the profile is shown")
		}
	})
}
