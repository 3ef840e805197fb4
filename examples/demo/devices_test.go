package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// sessions returns the devices that the page lists, sorted.
func (v *visitor) sessions() (list []string) {
	v.t.Helper()
	a := v.get("/devices")
	v.wantStatus(a, http.StatusOK)
	for _, m := range sessionPattern.FindAllStringSubmatch(a.body, -1) {
		list = append(list, m[1])
	}
	slices.Sort(list)
	return list
}

// id returns the visitor's own.
func (v *visitor) id() string {
	v.t.Helper()
	return ownPattern.FindStringSubmatch(v.get("/profile").body)[1]
}

var (
	sessionPattern = regexp.MustCompile(`data-session="([^"]+)"`)
	ownPattern     = regexp.MustCompile(`id="session">([^<]+)<`)
)

func TestDevicesAreListedAndEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	here, there, third, other := s.visitor(t), s.visitor(t), s.visitor(t), s.visitor(t)
	for _, v := range []*visitor{here, there, third} {
		v.signIn(ada)
	}
	other.signIn(bruno)
	want := []string{here.id(), there.id(), third.id()}
	slices.Sort(want)
	if got := here.sessions(); !slices.Equal(got, want) {
		t.Fatalf("devices %q, want %q", got, want)
	}
	if n := strings.Count(here.get("/devices").body, "this-device"); n != 1 {
		t.Errorf("%d are this one", n)
	}

	here.wantRedirect(here.post("/devices/"+there.id()+"/end", ""), "/devices")
	here.wantText(here.get("/devices"), "The device is signed out.")
	there.wantRedirect(there.get("/profile"), "/login?next=%2Fprofile")
	here.wantRedirect(here.post("/devices/"+other.id()+"/end", ""), "/devices") // somebody else's
	here.wantText(here.get("/devices"), "signed out already")
	other.wantStatus(other.get("/profile"), http.StatusOK)

	here.wantRedirect(here.post("/devices/end-others", ""), "/devices")
	here.wantText(here.get("/devices"), "signed out: 1.")
	third.wantRedirect(third.get("/profile"), "/login?next=%2Fprofile")
	if got := here.sessions(); !slices.Equal(got, []string{here.id()}) {
		t.Errorf("devices %q, want this one only", got)
	}
	other.wantStatus(other.get("/profile"), http.StatusOK)
}

// Of several buttons, each says what it ends.
func TestDevicesHaveNamesInTheVisitorsLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for _, userAgent := range []string{"Firefox/140.0 Linux", "something else"} {
		there := s.visitor(t)
		r := there.form("/login", ada.credentials(), there.token())
		r.Header.Set("User-Agent", userAgent)
		there.wantRedirect(there.send(r), "/")
	}
	here := s.visitor(t)
	here.signIn(ada)
	here.post("/language/es", "")
	a := here.get("/devices")
	here.wantText(a, `aria-label="Cerrar sesión: Firefox · Linux"`)
	here.wantText(a, `aria-label="Cerrar sesión: Dispositivo desconocido"`)
}

func TestDevicesNeedThePasswordAgain(t *testing.T) {
	t.Parallel()
	v := openShop(t, makeShop(t, settings{store: memstore.New(memstore.Options{}), fresh: time.Nanosecond})).visitor(t)
	v.wantRedirect(v.get("/devices"), "/login?next=%2Fdevices")
	v.signIn(ada)
	v.wantRedirect(v.get("/devices"), "/confirm?next=%2Fdevices")
	v.wantRedirect(v.post("/devices/end-others", ""), "/confirm?next=%2Fdevices")
	v.wantRedirect(v.post("/devices/x/end", ""), "/confirm?next=%2Fdevices")
	v.wantText(v.get("/confirm?next=/devices"), `name="next" value="/devices"`)
	v.wantText(v.get("/confirm?next=//evil.example"), `name="next" value="/"`)
	before := v.ticket()
	v.wantStatus(v.post("/confirm", "next=/devices&password=wrong"), http.StatusForbidden)
	v.wantStatus(v.post("/confirm", "next=/devices&password="+bruno.Password), http.StatusForbidden)
	if v.ticket() != before {
		t.Error("a wrong password gives a new ticket")
	}
	v.wantRedirect(v.post("/confirm", "next=//evil.example&password="+ada.Password), "/")
	if v.ticket() == before {
		t.Error("the right password gives no new ticket")
	}
}

func TestAConfirmedPasswordOpensTheDevices(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.signIn(ada)
	v.wantRedirect(v.post("/confirm", "next=/devices&password="+ada.Password), "/devices")
	v.wantStatus(v.get("/devices"), http.StatusOK)
}

// memcached, and a cookie, know no other session than the one at hand.
func TestDevicesThatCanNotBeListed(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]site{
		"cookie":                 openSite(t, nil, nil),
		"a store without a list": openSite(t, struct{ session.Store }{memstore.New(memstore.Options{})}, nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			v.signIn(bruno)
			for _, a := range []answer{
				v.get("/devices"), v.post("/devices/end-others", ""), v.post("/devices/x/end", ""), v.post("/admin/"+ada.ID+"/end", ""),
			} {
				v.wantStatus(a, http.StatusNotImplemented)
				v.wantText(a, "where they can&#39;t be listed")
			}
			a := v.get("/admin")
			v.wantStatus(a, http.StatusOK)
			v.wantText(a, "where they can&#39;t be listed")
		})
	}
}

func TestADeviceIsNamedInWordsOfOurs(t *testing.T) {
	t.Parallel()
	const chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 "
	for userAgent, want := range map[string]string{
		"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0":                  "Firefox · Linux",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) " + chrome + "Safari/537.36 Edg/140.0.0.0":     "Edge · Windows",
		"Mozilla/5.0 (Linux; Android 10; K) " + chrome + "Mobile Safari/537.36":                   "Chrome · Android",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) Version/18.5 Mobile Safari/604.1": "Safari · iPhone",
		"curl/8.14.1":               "curl",
		"Mozilla/5.0 (X11; Linux)":  "Linux",
		"":                          "",
		"<script>alert(1)</script>": "",
	} {
		if got := deviceOf(userAgent); got != want {
			t.Errorf("%q is %q, want %q", userAgent, got, want)
		}
	}
}
