package shop_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

func TestTheShopWorksOnEveryStore(t *testing.T) {
	t.Parallel()
	browser.Need(t)
	for _, b := range backends.All {
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			goShopping(t, b.Shop(t), b.Lists)
		})
	}
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		goShopping(t, "memory:", true)
	})
	t.Run("cookie", func(t *testing.T) {
		t.Parallel()
		goShopping(t, "cookie:", false)
	})
}

// goShopping does on one store in short what the other tests do on files. Does the
// store list a user's sessions? If not, the pages say so.
func goShopping(t *testing.T, store string, lists bool) {
	t.Helper()
	both(t, open(t, store), func(v *visitor, p person) {
		v.buy(p.product, "2")
		v.signIn(p, "/cart")
		v.want(".flash", "Welcome, "+p.name+".")
		v.wantCart(map[string]string{p.product: "2"})
		v.visit("/preferences")
		v.click("#language-" + p.language)
		v.wantLanguage(p.language, p.hello)

		other := enter(v.TB, v.shop)
		other.signIn(p, "/profile")
		v.visit("/devices")
		if lists {
			v.wantAt("/devices", 200)
			v.click("#end-others") // also what an earlier run has left on the server
			v.wantAt("/devices", 200)
			if got := v.list("#devices li"); len(got) != 1 {
				v.Errorf("the devices are %q", got)
			}
		} else {
			v.wantAt("/devices", 501)
			v.need("#unsupported")
		}
		if other.isNobody() != lists {
			v.Errorf("the other device is signed out: %v", !lists)
		}
		if !lists { // a new password does it there
			v.changePassword(p.password, "a new coat hanger")
			if !other.isNobody() {
				v.Error("the other device is still signed in")
			}
		}
		v.visit("/")
		v.click("#logout")
		v.wantCart(map[string]string{})
		if !v.isNobody() {
			v.Error("still signed in")
		}
	})
}
