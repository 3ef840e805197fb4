package main

import (
	"net/http"
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
	if a := ada.send(ada.request(http.MethodHead, "/visits", "")); a.status != http.StatusOK {
		t.Errorf("HEAD: status %d", a.status)
	}
	ada.wantText(ada.get("/"), "<strong>3</strong>") // HEAD is no visit
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
	v := openSite(t, store, nil).visitor(t)
	answers := []answer{
		v.get("/"), v.get("/cart"), v.get("/history"), v.get("/profile"), v.get("/devices"), v.get("/nowhere"), v.get("/static/style.css"),
	}
	for _, path := range []string{"/", "/visits", "/products/coat", "/login", "/preferences"} {
		answers = append(answers, v.send(v.request(http.MethodHead, path, "")))
	}
	answers = append(answers, v.send(v.form("/cart/coat", "quantity=1", "")), v.send(v.form("/login", ada.credentials(), "x")))
	for _, a := range answers {
		if cookie := a.header.Get("Set-Cookie"); cookie != "" {
			t.Errorf("a cookie is set: %s", cookie)
		}
	}
	if n := store.calls.Load(); n != 0 {
		t.Errorf("%d calls of the store, want none", n)
	}
}

func TestEveryProductHasAPage(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	home := v.get("/")
	for _, p := range products {
		v.wantText(home, `href="/products/`+p.ID+`"`)
		a := v.get("/products/" + p.ID)
		v.wantStatus(a, http.StatusOK)
		v.wantText(a, euros(p.Price))
	}
	v.wantStatus(v.get("/products/elephant"), http.StatusNotFound)
}
