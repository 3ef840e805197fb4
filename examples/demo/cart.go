package main

import (
	"crypto/rand"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What fits into a cart. Visitors fill what the shop has to store, so that it has
// to have an end.
const (
	maxQuantity = 99 // of each product
	maxLines    = 6  // different products
)

// A cart says how many there are of each product. It gets its number with the
// first one, and a new one when it was ordered; see orders.place.
type cart struct {
	Number string         `json:"number,omitempty"`
	Lines  map[string]int `json:"lines,omitempty"`
}

var cartKey = session.NewKey[cart]("cart")

// fits reports whether n more of a product fit in.
func (c cart) fits(id string, n int) bool {
	_, there := c.Lines[id]
	return c.Lines[id]+n <= maxQuantity && (there || len(c.Lines) < maxLines)
}

// add returns the cart with n more of a product, or as many as fit in. number is
// for a cart that has none.
func (c cart) add(number, id string, n int) cart {
	if !c.fits(id, 0) {
		return c
	}
	if c.Lines == nil {
		c = cart{number, make(map[string]int)}
	}
	c.Lines[id] = min(c.Lines[id]+n, maxQuantity)
	return c
}

func (c cart) remove(id string) cart {
	delete(c.Lines, id)
	if len(c.Lines) == 0 {
		return cart{}
	}
	return c
}

// without returns what the cart holds beyond an order: what came in while it was
// placed. A cart that has another number is not the one that was ordered.
func (c cart) without(o order, number string) cart {
	if c.Number != o.Number {
		return c
	}
	for _, l := range o.Lines {
		if c.Lines[l.Product.ID] -= l.Quantity; c.Lines[l.Product.ID] <= 0 {
			delete(c.Lines, l.Product.ID)
		}
	}
	if len(c.Lines) == 0 {
		return cart{}
	}
	c.Number = number
	return c
}

// items returns the number of items in the cart.
func (c cart) items() (n int) {
	for _, quantity := range c.Lines {
		n += quantity
	}
	return n
}

// A line is one product in a cart, or in an order.
type line struct {
	Product  product
	Quantity int
	Price    int
}

// lines returns the cart in the order of the products. What is no longer sold is
// left out.
func (c cart) lines() (lines []line, total int) {
	for _, p := range products {
		if n := c.Lines[p.ID]; n > 0 {
			lines = append(lines, line{p, n, n * p.Price})
			total += n * p.Price
		}
	}
	return lines, total
}

// seen returns what a customer agrees to who orders the cart as it is shown now.
func (c cart) seen() string {
	lines, _ := c.lines()
	var text strings.Builder
	text.WriteString(c.Number)
	for _, l := range lines {
		fmt.Fprintf(&text, " %s:%d:%d", l.Product.ID, l.Quantity, l.Price)
	}
	return text.String()
}

// cartPage is what /cart and /checkout show.
type cartPage struct {
	Lines []line
	Total int
	Seen  string
}

func (v *visit) showCart() {
	lines, total := cartKey.Get(v.s).lines()
	v.show(http.StatusOK, "cart", v.t("cart.title"), cartPage{Lines: lines, Total: total})
}

// addToCart changes the cart with Update, never with Get and Set: of two
// requests at the same moment, neither loses what the other one added.
func (v *visit) addToCart() {
	p, ok := productByID(v.r.PathValue("item"))
	if !ok {
		v.fail(http.StatusNotFound, "error.product")
		return
	}
	n, err := strconv.Atoi(v.r.PostFormValue("quantity"))
	if err != nil || n < 1 || n > maxQuantity {
		v.fail(http.StatusBadRequest, "cart.quantity", maxQuantity)
		return
	}
	if !cartKey.Get(v.s).fits(p.ID, n) {
		v.fail(http.StatusConflict, "cart.full", maxLines, maxQuantity)
		return
	}
	number := rand.Text()
	// The function may run again on the cart that another request has left: it
	// decides anew, and depends on nothing but the cart.
	cartKey.Update(v.s, func(c cart) cart { return c.add(number, p.ID, n) })
	v.saved("/cart")
}

func (v *visit) removeFromCart() {
	p, ok := productByID(v.r.PathValue("item"))
	if !ok {
		v.fail(http.StatusNotFound, "error.product")
		return
	}
	cartKey.Update(v.s, func(c cart) cart { return c.remove(p.ID) })
	v.redirect("/cart")
}

func (v *visit) clearCart() {
	cartKey.Delete(v.s)
	v.redirect("/cart")
}

// euros formats a price in cents.
func euros(cents int) string { return fmt.Sprintf("€ %d.%02d", cents/100, cents%100) }
