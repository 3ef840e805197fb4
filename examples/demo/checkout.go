package main

import (
	"crypto/rand"
	"net/http"
	"slices"
	"sync"
	"time"
)

// An order is what a customer has bought. Its number is that of the cart.
type order struct {
	Number, Customer string
	Lines            []line
	Total            int
	Placed           time.Time
}

// Short is the part of the number that people read.
func (o order) Short() string { return o.Number[:8] }

// orders stand for the shop's database, for this process. They are safe for
// concurrent use.
type orders struct {
	mu   sync.Mutex
	list []order
}

const maxOrders = 1000 // a demo forgets the older ones

// place notes an order, unless its customer has one of that number; then it returns the
// one that there is. In a database, this is a unique index.
func (b *orders) place(o order) order {
	b.mu.Lock()
	defer b.mu.Unlock()
	if i := slices.IndexFunc(b.list, func(x order) bool { return x.Number == o.Number && x.Customer == o.Customer }); i >= 0 {
		return b.list[i]
	}
	if len(b.list) == maxOrders {
		b.list = slices.Delete(b.list, 0, 1)
	}
	b.list = append(b.list, o)
	return o
}

// of returns a customer's orders, the latest first.
func (b *orders) of(customer string) (list []order) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, o := range slices.Backward(b.list) {
		if o.Customer == customer {
			list = append(list, o)
		}
	}
	return list
}

func (b *orders) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.list)
}

func (v *visit) showCheckout() {
	c := cartKey.Get(v.s)
	lines, total := c.lines()
	if len(lines) == 0 {
		v.redirect("/cart")
		return
	}
	v.show(http.StatusOK, "checkout", v.t("checkout.title"), cartPage{lines, total, c.seen()})
}

// checkout orders what is in the cart. However often it is clicked, and whatever
// fails in between, one cart makes one order: the number sees to that. The cart
// is emptied after the order is there, so that an outage loses neither. Nothing is
// ordered that the form's page has not shown: what another tab has put in, for instance.
// A form that says nothing of its page comes from a script, and orders what is there.
func (v *visit) checkout() {
	c := cartKey.Get(v.s)
	lines, total := c.lines()
	if len(lines) == 0 { // the second of two clicks
		v.s.Flash("error", v.t("checkout.empty"))
		v.redirect("/cart")
		return
	}
	if shown := v.r.PostFormValue("cart"); shown != "" && shown != c.seen() {
		v.s.Flash("error", v.t("checkout.changed"))
		v.redirect("/checkout")
		return
	}
	o := v.orders.place(order{c.Number, v.who.ID, lines, total, time.Now()})
	number := rand.Text()
	cartKey.Update(v.s, func(c cart) cart { return c.without(o, number) })
	v.s.Flash("success", v.t("checkout.thanks", o.Short()))
	v.redirect("/cart")
}
