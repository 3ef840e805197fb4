package command_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestACopySignsNobodyOutOnEveryStore copies between each store and each that comes
// before it, in both directions, and between two of its own. Those that need no server
// come first, so that they get along without one.
func TestACopySignsNobodyOutOnEveryStore(t *testing.T) {
	t.Parallel()
	all := slices.Clone(backends.All)
	slices.SortStableFunc(all, func(a, b *backends.Backend) int {
		switch {
		case a.Server == nil && b.Server != nil:
			return -1
		case a.Server != nil && b.Server == nil:
			return 1
		}
		return 0
	})
	for i, one := range all {
		t.Run(one.Name, func(t *testing.T) {
			t.Parallel()
			for _, other := range all[:i+1] {
				copyBetween(t, one, other)
				if other != one {
					copyBetween(t, other, one)
				}
			}
		})
	}
}

func copyBetween(t *testing.T, one, other *backends.Backend) {
	t.Helper()
	between := one.Name + " to " + other.Name
	source, fromPlace := one.New(t)
	target, toPlace := other.New(t)
	from, to := one.Command(fromPlace), other.Command(toPlace)
	before, after := newApplication(t, source), newApplication(t, target)
	const visitors = 20
	cookies := make([]*http.Cookie, visitors)
	for i := range cookies {
		cookies[i], _ = before.signIn(fmt.Sprint("account-", i))
	}
	anonymous := before.visit(nil, func(s *session.Session) { language.Set(s, "fr") })
	r := run(t, "", "copy", "-json", from, to)
	if !one.Lists {
		r.want(t, 4, "", "memcached can't list what it holds")
		return
	}
	if n := decoded[map[string]int](t, r); n["copied"] != visitors+1 {
		t.Errorf("%s: %v", between, n)
	}
	if n := decoded[map[string]int](t, run(t, "", "copy", "-json", from, to)); n["there"] != visitors+1 {
		t.Errorf("%s, again: %v", between, n)
	}
	if other.Lists {
		n := decoded[map[string]int](t, run(t, "", "copy", "-mirror", "-json", from, to))
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
