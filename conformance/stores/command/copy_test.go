package command_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestACopySignsNobodyOutOnEveryStore copies between each store and each that comes
// before it in kinds, in both directions, and between two of its own.
func TestACopySignsNobodyOutOnEveryStore(t *testing.T) {
	t.Parallel()
	for i, one := range kinds {
		t.Run(one.name, func(t *testing.T) {
			t.Parallel()
			for _, other := range kinds[:i+1] {
				copyBetween(t, one.name+" to "+other.name, one.place(t), other.place(t))
				if other.name != one.name {
					copyBetween(t, other.name+" to "+one.name, other.place(t), one.place(t))
				}
			}
		})
	}
}

func copyBetween(t *testing.T, between string, from, to place) {
	t.Helper()
	before, after := newApplication(t, from.migrated(t)), newApplication(t, to.migrated(t))
	const visitors = 20
	cookies := make([]*http.Cookie, visitors)
	for i := range cookies {
		cookies[i], _ = before.signIn(fmt.Sprint("account-", i))
	}
	anonymous := before.visit(nil, func(s *session.Session) { language.Set(s, "fr") })
	r := run(t, "", "copy", "-json", from.address, to.address)
	if !from.lists {
		r.want(t, 4, "", "memcached can't list what it holds")
		return
	}
	if n := decoded[map[string]int](t, r); n["copied"] != visitors+1 {
		t.Errorf("%s: %v", between, n)
	}
	if n := decoded[map[string]int](t, run(t, "", "copy", "-json", from.address, to.address)); n["there"] != visitors+1 {
		t.Errorf("%s, again: %v", between, n)
	}
	if to.lists {
		n := decoded[map[string]int](t, run(t, "", "copy", "-mirror", "-json", from.address, to.address))
		if n["there"] != visitors+1 || n["ended"] != 0 {
			t.Errorf("%s, as a mirror: %v", between, n)
		}
	}
	for i, cookie := range cookies {
		still := after.visit(cookie, func(s *session.Session) {
			if want := fmt.Sprint("account-", i); s.Subject() != want || language.Get(s) != "es" {
				t.Errorf("%s: %q speaks %q, want %s and es", between, s.Subject(), language.Get(s), want)
			}
		})
		if still != cookie {
			t.Errorf("%s: visitor %d gets another cookie", between, i)
		}
	}
	after.visit(anonymous, func(s *session.Session) {
		if got := language.Get(s); got != "fr" {
			t.Errorf("%s: an anonymous visitor speaks %q", between, got)
		}
	})
}
