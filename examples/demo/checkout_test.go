package main

import (
	"fmt"
	"net/http"
	"strconv"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
)

func TestCheckoutNeedsAnAccountAndKeepsTheCart(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.post("/cart/scarf", "quantity=2")
	v.wantRedirect(v.get("/checkout"), "/login?next=%2Fcheckout")
	v.wantRedirect(v.post("/checkout", ""), "/login?next=%2Fcheckout")
	v.wantRedirect(v.post("/login", "next=/checkout&"+ada.credentials()), "/checkout")
	v.wantText(v.get("/checkout"), "€ 78.00")
	v.wantRedirect(v.post("/checkout", v.orderForm()), "/cart")
	a := v.get("/cart")
	v.wantText(a, "Thank you!")
	v.wantText(a, "Your cart is empty.")
	a = v.get("/dashboard")
	v.wantText(a, "2 × Scarf")
	v.wantText(a, "€ 78.00")
	v.wantRedirect(v.get("/checkout"), "/cart")
}

func TestTwoClicksMakeOneOrder(t *testing.T) {
	t.Parallel()
	for name, s := range map[string]site{"memory": newSite(t), "cookie": openSite(t, nil, nil)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := s.visitor(t)
			v.signIn(ada)
			v.post("/cart/coat", "quantity=1")
			token, form := v.token(), v.orderForm()
			together(t, 20, func() error {
				a, err := v.try(v.form("/checkout", form, token))
				if err == nil && (a.status != http.StatusSeeOther || a.header.Get("Location") != "/cart") {
					err = fmt.Errorf("status %d to %s", a.status, a.header.Get("Location"))
				}
				return err
			})
			if n := s.shop.orders.count(); n != 1 {
				t.Errorf("%d orders, want 1", n)
			}
			if got := v.cart(); got != "" {
				t.Errorf("cart %q, want an empty one", got)
			}
		})
	}
}

// The order was placed, but the cart could not be emptied: ordering it once more
// is the same order, and what came in since stays.
func TestAnOrderSurvivesAnOutage(t *testing.T) {
	t.Parallel()
	store := &brokenStore{Store: memstore.New(memstore.Options{})}
	s := openSite(t, store, nil)
	v := s.visitor(t)
	v.signIn(ada)
	v.post("/cart/coat", "quantity=1")
	token, form := v.token(), v.orderForm()
	store.failWrite.Store(true)
	v.wantStatus(v.send(v.form("/checkout", form, token)), http.StatusServiceUnavailable)
	store.failWrite.Store(false)
	if got := v.cart(); got != "Wool coat 1" {
		t.Errorf("cart %q", got)
	}
	v.post("/cart/coat", "quantity=2")
	v.post("/cart/hat", "quantity=1")
	v.wantRedirect(v.post("/checkout", v.orderForm()), "/cart")
	if got := v.cart(); got != "Wool coat 2, Felt hat 1" || s.shop.orders.count() != 1 {
		t.Errorf("cart %q, %d orders", got, s.shop.orders.count())
	}
	v.wantRedirect(v.post("/checkout", v.orderForm()), "/cart")
	if got := v.cart(); got != "" || s.shop.orders.count() != 2 {
		t.Errorf("cart %q, %d orders", got, s.shop.orders.count())
	}
}

// What another tab has put in meanwhile was on no page that the customer has agreed to.
func TestNothingIsOrderedThatWasNotShown(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor(t)
	v.signIn(ada)
	v.post("/cart/scarf", "quantity=1")
	shown := v.orderForm()
	v.post("/cart/coat", "quantity=1")
	for _, form := range []string{shown, "cart=x"} {
		v.wantRedirect(v.post("/checkout", form), "/checkout")
		if n := s.shop.orders.count(); n != 0 {
			t.Fatalf("%q: %d orders, want none", form, n)
		}
		v.wantText(v.get("/checkout"), "has changed")
	}
	v.wantRedirect(v.post("/checkout", v.orderForm()), "/cart")
	v.post("/cart/scarf", "quantity=1") // as in the form that the back button leads to
	v.wantRedirect(v.post("/checkout", shown), "/checkout")
	if n := s.shop.orders.count(); n != 1 {
		t.Errorf("%d orders, want 1", n)
	}
	v.wantRedirect(v.post("/checkout", ""), "/cart") // a script, which has seen no page
	if n := s.shop.orders.count(); n != 2 {
		t.Errorf("%d orders, want 2", n)
	}
}

func TestOrdersAreBounded(t *testing.T) {
	t.Parallel()
	var b orders
	for i := range maxOrders + 5 {
		b.place(order{Number: strconv.Itoa(i), Customer: "x"})
	}
	if n := b.count(); n != maxOrders {
		t.Errorf("%d orders, want %d", n, maxOrders)
	}
	if o := b.place(order{Number: "6", Customer: "z"}); o.Customer != "z" { // a copy of a cart that is in a cookie
		t.Errorf("got an order of %s", o.Customer)
	}
	if got := b.of("x")[0].Number; got != strconv.Itoa(maxOrders+4) {
		t.Errorf("the latest is %s", got)
	}
	if list := b.of("y"); len(list) != 0 {
		t.Errorf("somebody else has %d orders", len(list))
	}
}

func TestAnOrderLeavesAnotherCartAlone(t *testing.T) {
	t.Parallel()
	lines, total := cart{}.add("first", "coat", 1).lines()
	o := order{Number: "first", Lines: lines, Total: total}
	if got := (cart{}.add("second", "coat", 1)).without(o, "third"); got.items() != 1 || got.Number != "second" {
		t.Errorf("%+v, want it as it was", got)
	}
}
