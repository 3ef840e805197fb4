package main

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestSignInNeedsTheRightPassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for name, form := range map[string]string{
		"wrong password":           "login=ada&password=wrong",
		"no password":              "login=ada",
		"somebody else's password": "login=ada&password=" + bruno.Password,
		"unknown name":             "login=eve&password=" + ada.Password,
		"no name":                  "password=" + ada.Password,
		"nothing":                  "",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			a := v.post("/login", form)
			v.wantStatus(a, http.StatusForbidden)
			v.wantText(a, "Name and password don&#39;t match.")
			v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
		})
	}
}

func TestSignInKeepsTheCartUnderANewTicket(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.post("/cart/coat", "quantity=1")
	before := v.ticket()
	v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
	v.wantRedirect(v.post("/login", "next=/profile&"+ada.credentials()), "/profile")
	a := v.get("/profile")
	v.wantStatus(a, http.StatusOK)
	v.wantText(a, "Welcome, "+ada.Name)
	v.wantNoText(v.get("/profile"), "Welcome,")
	if got := v.cart(); got != "Wool coat 1" {
		t.Errorf("cart %q", got)
	}
	v.wantRedirect(v.withTicket("/profile", before), "/login?next=%2Fprofile")
	v.wantText(v.withTicket("/cart", before), "Your cart is empty.")
	v.wantRedirect(v.get("/login?next=/cart"), "/cart")
}

func TestSignInAsSomebodyElseDropsTheCart(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn(ada)
	v.post("/cart/coat", "quantity=1")
	v.wantRedirect(v.post("/login", bruno.credentials()), "/")
	v.wantText(v.get("/profile"), bruno.Name)
	if got := v.cart(); got != "" {
		t.Errorf("cart %q, want an empty one", got)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn(ada)
	v.post("/cart/coat", "quantity=1")
	before := v.ticket()
	v.wantRedirect(v.post("/logout", ""), "/")
	v.wantText(v.get("/"), "Goodbye!")
	v.wantNoText(v.get("/"), "Goodbye!")
	v.wantRedirect(v.get("/profile"), "/login?next=%2Fprofile")
	if got := v.cart(); got != "" {
		t.Errorf("cart %q, want an empty one", got)
	}
	v.wantRedirect(v.withTicket("/profile", before), "/login?next=%2Fprofile")
	v.wantText(v.withTicket("/cart", before), "Your cart is empty.")
}

func TestSignInLeadsToLocalPagesOnly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for next, want := range map[string]string{
		"/cart":                      "/cart",
		"/profile?a=b&c=d":           "/profile?a=b&c=d",
		"/a//b":                      "/a/b",
		"":                           "/",
		"cart":                       "/",
		"//evil.example":             "/",
		"///evil.example":            "/",
		`/\evil.example`:             "/",
		`\\evil.example`:             "/",
		"/\t/evil.example":           "/",
		"/\n/evil.example":           "/",
		" //evil.example":            "/",
		"https://evil.example":       "/",
		"https:evil.example":         "/",
		"javascript:alert(1)":        "/",
		"/..//evil.example":          "/evil.example",
		"/\r\nSet-Cookie: a=b":       "/",
		"/%0d%0aSet-Cookie:%20a=b":   "/%0d%0aSet-Cookie:%20a=b",
		"http://127.0.0.1:8080/cart": "/",
	} {
		t.Run(next, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			form := url.Values{"next": {next}, "login": {ada.Login}, "password": {ada.Password}}
			a := v.post("/login", form.Encode())
			v.wantRedirect(a, want)
			v.wantRedirect(v.get("/login?next="+url.QueryEscape(next)), want)
		})
	}
}

func TestRememberMeDecidesHowLong(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.post("/cart/coat", "quantity=1")
	for _, tt := range []struct {
		form       string
		persistent bool
		ends       time.Duration
	}{
		{"remember=on&", true, rememberedFor},
		{"", false, signedInFor},
		{"remember=on&", true, rememberedFor},
	} {
		a := v.post("/login", tt.form+ada.credentials())
		v.wantRedirect(a, "/")
		if got := strings.Contains(a.header.Get("Set-Cookie"), "Max-Age="); got != tt.persistent {
			t.Errorf("%q: cookie %s", tt.form, a.header.Get("Set-Cookie"))
		}
		v.get("/") // with the new ticket, which retires the one before
		list, err := s.shop.sessions.List(t.Context(), ada.ID)
		if err != nil || len(list) != 1 {
			t.Fatalf("%d sessions, error %v", len(list), err)
		}
		if got := time.Until(list[0].Expires); got > tt.ends || got < tt.ends-time.Minute {
			t.Errorf("%q: ends in %v, want %v", tt.form, got, tt.ends)
		}
	}
	if got := v.cart(); got != "Wool coat 1" {
		t.Errorf("cart %q", got)
	}
}

func TestRememberMeStaysWhereThePasswordIsAskedForAgain(t *testing.T) {
	t.Parallel()
	for path, form := range map[string]string{
		"/confirm":  "next=/devices&password=" + ada.Password,
		"/password": "current=" + ada.Password + "&password=correct horse battery staple",
	} {
		for remember, ends := range map[string]time.Duration{"": signedInFor, "remember=on&": rememberedFor} {
			t.Run(path+"?"+remember, func(t *testing.T) {
				t.Parallel()
				s := newSite(t)
				v := s.visitor(t)
				v.wantRedirect(v.post("/login", "remember=on&"+ada.credentials()), "/")
				v.wantRedirect(v.post("/login", remember+ada.credentials()), "/")
				a := v.post(path, form)
				v.wantStatus(a, http.StatusSeeOther)
				if got := strings.Contains(a.header.Get("Set-Cookie"), "Max-Age="); got != (remember != "") {
					t.Errorf("cookie %s", a.header.Get("Set-Cookie"))
				}
				v.get("/") // with the new ticket
				list, err := s.shop.sessions.List(t.Context(), ada.ID)
				if err != nil || len(list) != 1 {
					t.Fatalf("%d sessions, error %v", len(list), err)
				}
				if got := time.Until(list[0].Expires); got > ends || got < ends-time.Minute {
					t.Errorf("ends in %v, want %v", got, ends)
				}
			})
		}
	}
}

// A ticket from before a login stores nothing. Its visitor, who has not received the
// login's answer, is told so, and not that all is well.
func TestWhatALostSessionDoesNotKeepIsNotSaidToBeKept(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.post("/cart/scarf", "quantity=1")
	lost, _ := cookiejar.New(nil) // never fails
	lost.SetCookies(v.address(), v.client.Jar.Cookies(v.address()))
	v.signIn(ada)
	v.client.Jar = lost
	for path, form := range map[string]string{"/cart/scarf": "quantity=1", "/preferences": "theme=dark", "/language/es": ""} {
		v.wantStatus(v.post(path, form), http.StatusConflict)
	}
	v.signIn(ada)
	if got := v.cart(); got != "Scarf 1" {
		t.Errorf("cart %q", got)
	}
}
