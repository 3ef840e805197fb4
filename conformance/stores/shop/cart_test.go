package shop_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

// wantCart compares what is in the cart, quantities by product.
func (v *visitor) wantCart(want map[string]string) {
	v.Helper()
	if got := v.cart(); !maps.Equal(got, want) {
		v.Errorf("the cart holds %v, want %v", got, want)
	}
}

func TestACartIsFilledChangedAndEmptied(t *testing.T) {
	t.Parallel()
	both(t, openFiles(t), func(v *visitor, p person) {
		v.wantCart(map[string]string{})
		v.want("#empty", "Your cart is empty.")
		v.buy(p.product, "2")
		v.wantAt("/cart", 200)
		v.buy("scarf", "1")
		v.buy(p.product, "1")
		v.wantCart(map[string]string{p.product: "3", "scarf": "1"})
		v.want("#cart-count", "4")

		v.signIn(p, "/cart")
		v.wantCart(map[string]string{p.product: "3", "scarf": "1"})
		v.click("#remove-scarf")
		v.wantCart(map[string]string{p.product: "3"})
		v.click("#clear")
		v.wantAt("/cart", 200)
		v.want("#empty", "Your cart is empty.")
		if v.sees("#cart-count") {
			v.Error("the header counts what is not there")
		}
	})
}

func TestACartTakesNoMoreThanItHolds(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	// What the form keeps a visitor from sending, somebody else's program sends.
	const unbound = `const q = document.querySelector("#quantity"); q.type = "text"; q.form.noValidate = true`
	for _, quantity := range []string{"-1", "0", "100", "1e3", "", "one"} {
		v.visit("/products/hat")
		v.Do(chromedp.Evaluate[chromedp.Void](unbound))
		v.fill("#quantity", quantity)
		v.click("#add")
		v.wantAt("/cart/hat", 400)
		v.want("#message", "The quantity has to be a number from 1 to 99.")
	}
	v.wantCart(map[string]string{})

	want := make(map[string]string)
	for _, product := range []string{"coat", "umbrella", "scarf", "hat", "gloves", "cape"} {
		v.buy(product, "99")
		want[product] = "99"
	}
	for _, product := range []string{"brush", "hat"} { // one line too many, one of a kind too many
		v.buy(product, "1")
		v.wantAt("/cart/"+product, 409)
	}
	v.wantCart(want)

	v.visit("/products/hat")
	v.Do(chromedp.SetAttributeValue(chromedp.CSS("#add"), "action", "/cart/elephant"))
	v.click("#add")
	v.wantAt("/cart/elephant", 404)
	v.wantCart(want)
}

func TestTwoClicksMakeOneOrder(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	customer, administrator := enter(t, s), enter(t, s)
	customer.visit("/checkout")
	customer.wantAt("/login?next=%2Fcheckout", 200)
	customer.orderTwice(ada)
	administrator.orderTwice(bruno)

	customer.visit("/dashboard")
	if orders := customer.list("#orders .order"); len(orders) != 1 || !strings.Contains(orders[0], "2 × Wool coat") {
		t.Errorf("the orders are %q", orders)
	}
	administrator.visit("/admin")
	administrator.want("#order-count", "2")
}

// orderTwice fills a cart and clicks twice. Two tabs show the answers, so that the
// browser does not call the first request off.
func (v *visitor) orderTwice(p person) {
	v.Helper()
	v.buy(p.product, "2")
	v.signIn(p, "/cart")
	v.click("#to-checkout")
	v.Do(chromedp.Evaluate[chromedp.Void](`
		window.tabs = ["one", "two"].map(name => window.open("", name));
		for (const name of ["one", "two"]) {
			const form = document.querySelector("#checkout");
			form.target = name;
			form.submit();
		}`))
	v.Await(`tabs.every(tab => tab.location.pathname === "/cart" && tab.document.readyState === "complete")`)
	v.wantCart(map[string]string{})
}

func TestRecentlyViewedPagesAreTheVisitorsOwnAndFew(t *testing.T) {
	t.Parallel()
	both(t, openFiles(t), func(v *visitor, p person) {
		v.visit("/history")
		v.want("#empty", "No pages yet.")
		v.signIn(p, "/profile")
		products := []string{"coat", "umbrella", "scarf", "hat", "gloves", "cape", "brush", "hanger"}
		slices.Sort(products)
		for _, product := range products {
			v.visit("/products/" + product)
		}
		v.visit("/products/" + p.product)
		v.visit("/")
		v.visit(p.home)
		v.visit("/history")
		want := []string{p.home, "/", "/products/" + p.product}
		for _, product := range slices.Backward(products) {
			if product != p.product {
				want = append(want, "/products/"+product)
			}
		}
		got := browser.Eval[[]string](v.Visitor, `[...document.querySelectorAll("#history a")].map(a => a.getAttribute("href"))`)
		if !slices.Equal(got, want[:10]) {
			v.Errorf("recently viewed are %q, want %q", got, want[:10])
		}
		v.click("#history a")
		v.wantAt(p.home, 200)
		v.visit("/history")
		v.click("#clear-history")
		v.want("#empty", "No pages yet.")
	})
}
