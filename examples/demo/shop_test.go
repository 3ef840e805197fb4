package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
)

func TestVisitsCountEachVisitorAlone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, bruno := s.visitor(t), s.visitor(t)
	for _, step := range []struct {
		who  *visitor
		want string
	}{{ada, "1\n"}, {ada, "2\n"}, {bruno, "1\n"}, {ada, "3\n"}} {
		a := step.who.get("/visits")
		if a.status != http.StatusOK || a.body != step.want {
			t.Errorf("status %d, body %q, want %q", a.status, a.body, step.want)
		}
		if got := a.header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
			t.Errorf("Content-Type %q", got)
		}
	}
	ada.wantRedirect(ada.post("/visits", ""), "/")
	ada.wantText(ada.get("/"), "<strong>4</strong>")
}

func TestConcurrentVisitsAreEachToldAnotherNumber(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.get("/visits")
	const visits = 50
	var mu sync.Mutex
	var got []int
	together(t, visits, func() error {
		a, err := v.try(v.request(http.MethodGet, "/visits", ""))
		if err != nil {
			return err
		}
		n, err := strconv.Atoi(strings.TrimSpace(a.body))
		mu.Lock()
		defer mu.Unlock()
		got = append(got, n)
		return err
	})
	slices.Sort(got)
	for i, n := range got {
		if n != i+2 {
			t.Fatalf("visits were told %v, want 2 to %d", got, visits+1)
		}
	}
}

func TestLookingAroundLeavesNoTrace(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	v := openSite(t, store, newKeys()).visitor(t)
	for _, a := range []answer{
		v.get("/"), v.get("/cart"), v.get("/login"), v.get("/profile"), v.post("/cart/coat/remove", ""), v.post("/cart/clear", ""),
		v.get("/static/style.css"),
	} {
		if cookie := a.header.Get("Set-Cookie"); cookie != "" {
			t.Errorf("a cookie is set: %s", cookie)
		}
	}
	if n := store.calls.Load(); n != 0 {
		t.Errorf("%d calls of the store, want none", n)
	}
}

func TestCart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, form string
		status     int
		want       string // in the cart afterwards
	}{
		{"/cart/coat", "", 303, `Wool coat 1`},
		{"/cart/coat", "quantity=3", 303, `Wool coat 3`},
		{"/cart/coat", "quantity=999", 303, `Wool coat 999`},
		{"/cart/coat", "quantity=1000", 400, ""},
		{"/cart/coat", "quantity=0", 400, ""},
		{"/cart/coat", "quantity=-1", 400, ""},
		{"/cart/coat", "quantity=99999999999999999999", 400, ""},
		{"/cart/coat", "quantity=one", 400, ""},
		{"/cart/elephant", "", 404, ""},
		{"/cart/elephant/remove", "", 404, ""},
		{"/cart/%3Cscript%3E", "", 404, ""},
	} {
		t.Run(tt.path+"?"+tt.form, func(t *testing.T) {
			t.Parallel()
			v := newSite(t).visitor(t)
			v.wantStatus(v.post(tt.path, tt.form), tt.status)
			if got := v.cart(); got != tt.want {
				t.Errorf("cart %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCartAddsUpRemovesAndClears(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	for _, step := range []struct{ path, form, want string }{
		{"/cart/scarf", "quantity=2", "Scarf 2"},
		{"/cart/coat", "", "Wool coat 1, Scarf 2"},
		{"/cart/scarf", "quantity=5", "Wool coat 1, Scarf 7"},
		{"/cart/scarf", "quantity=999", "Wool coat 1, Scarf 999"},
		{"/cart/scarf/remove", "", "Wool coat 1"},
		{"/cart/scarf/remove", "", "Wool coat 1"},
		{"/cart/clear", "", ""},
	} {
		v.wantRedirect(v.post(step.path, step.form), "/cart")
		if got := v.cart(); got != step.want {
			t.Errorf("after %s %s: cart %q, want %q", step.path, step.form, got, step.want)
		}
	}
}

func TestConcurrentAddsLoseNothing(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "sessions")
	for name, s := range map[string]site{
		"memory": newSite(t),
		"files":  openSite(t, newFileStore(t, dir), newKeys()),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			v.get("/visits")
			const adds = 200
			together(t, adds, func() error {
				a, err := v.try(v.request(http.MethodPost, "/cart/coat", ""))
				if err == nil && a.status != http.StatusSeeOther {
					err = fmt.Errorf("status %d", a.status)
				}
				return err
			})
			if got, want := v.cart(), fmt.Sprintf("Wool coat %d", adds); got != want {
				t.Errorf("cart %q, want %q", got, want)
			}
		})
	}
}
