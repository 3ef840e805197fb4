package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

func TestCart(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		path, form string
		status     int
		want       string // in the cart afterwards
	}{
		{"/cart/coat", "quantity=1", 303, `Wool coat 1`},
		{"/cart/coat", "quantity=99", 303, `Wool coat 99`},
		{"/cart/coat", "quantity=100", 400, ""},
		{"/cart/coat", "quantity=1000", 400, ""},
		{"/cart/coat", "quantity=0", 400, ""},
		{"/cart/coat", "quantity=-1", 400, ""},
		{"/cart/coat", "quantity=99999999999999999999", 400, ""},
		{"/cart/coat", "quantity=one", 400, ""},
		{"/cart/coat", "quantity=", 400, ""},
		{"/cart/coat", "", 400, ""},
		{"/cart/coat?quantity=3", "", 400, ""},
		{"/cart/elephant", "quantity=1", 404, ""},
		{"/cart/elephant/remove", "", 404, ""},
		{"/cart/%3Cscript%3E", "quantity=1", 404, ""},
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
		{"/cart/coat", "quantity=1", "Wool coat 1, Scarf 2"},
		{"/cart/scarf", "quantity=5", "Wool coat 1, Scarf 7"},
		{"/cart/scarf/remove", "", "Wool coat 1"},
		{"/cart/scarf/remove", "", "Wool coat 1"},
		{"/cart/clear", "", ""},
		{"/cart/clear", "", ""},
		{"/cart/coat/remove", "", ""},
	} {
		v.wantRedirect(v.post(step.path, step.form), "/cart")
		if got := v.cart(); got != step.want {
			t.Errorf("after %s %s: cart %q, want %q", step.path, step.form, got, step.want)
		}
	}
}

func TestACartHoldsOnlySoMuch(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	var want []string
	for i, p := range products {
		a := v.post("/cart/"+p.ID, "quantity=99")
		if i < maxLines {
			v.wantRedirect(a, "/cart")
			want = append(want, locales[0].text(p.Name())+" 99")
			continue
		}
		v.wantStatus(a, http.StatusConflict)
		v.wantText(a, "does not fit in")
	}
	v.wantStatus(v.post("/cart/coat", "quantity=1"), http.StatusConflict)
	if got := v.cart(); got != strings.Join(want, ", ") {
		t.Errorf("cart %q, want %q", got, want)
	}
}

// A request checks the cart that it has read, and then adds to the cart that
// another request may have left.
func TestAddNeverPassesTheBounds(t *testing.T) {
	t.Parallel()
	c := cart{}
	for range 3 {
		for _, p := range products {
			c = c.add("number", p.ID, maxQuantity/2+1)
		}
	}
	lines, _ := c.lines()
	if len(lines) != maxLines || c.items() != maxLines*maxQuantity {
		t.Errorf("%d lines with %d items, want %d with %d", len(lines), c.items(), maxLines, maxLines*maxQuantity)
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
			token := v.token()
			const adds = 60
			together(t, adds, func() error {
				a, err := v.try(v.form("/cart/coat", "quantity=1", token))
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
