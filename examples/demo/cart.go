package main

import (
	"fmt"
	"net/http"
	"strconv"

	session "github.com/cloakroom-go/cloakroom/core"
)

// A product is something to buy. Prices are in cents.
type product struct {
	ID, Name, About string
	Price           int
}

var products = []product{
	{"coat", "Wool coat", "Heavy, warm, and yours again at the end of the evening.", 18900},
	{"umbrella", "Umbrella", "Always the right one: the ticket says so.", 2450},
	{"scarf", "Scarf", "Two metres of it, in moss green.", 3900},
	{"hanger", "Brass hanger", "Numbered, of course.", 1275},
}

func productByID(id string) (product, bool) {
	for _, p := range products {
		if p.ID == id {
			return p, true
		}
	}
	return product{}, false
}

// A cart says how many there are of each product.
type cart map[string]int

var cartKey = session.NewKey[cart]("cart")

// maxQuantity bounds each product in a cart.
const maxQuantity = 999

// add returns the cart with n more of a product, up to maxQuantity.
func (c cart) add(id string, n int) cart {
	if c == nil {
		c = make(cart)
	}
	c[id] = min(c[id]+n, maxQuantity)
	return c
}

func (c cart) remove(id string) cart {
	delete(c, id)
	return c
}

// items returns the number of items in the cart.
func (c cart) items() (n int) {
	for _, quantity := range c {
		n += quantity
	}
	return n
}

// A cartRow is one product on the cart's page.
type cartRow struct {
	Product  product
	Quantity int
	Price    int
}

// rows returns the cart in the order of the products. What is no longer sold is
// left out.
func (c cart) rows() (rows []cartRow, total int) {
	for _, p := range products {
		if n := c[p.ID]; n > 0 {
			rows = append(rows, cartRow{p, n, n * p.Price})
			total += n * p.Price
		}
	}
	return rows, total
}

func (sh *shop) showCart(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	rows, total := cartKey.Get(s).rows()
	sh.show(w, s, http.StatusOK, "cart", "Your cart", struct {
		Rows  []cartRow
		Total int
	}{rows, total})
}

// addToCart changes the cart with Update, never with Get and Set: of two
// requests at the same moment, neither loses what the other one added.
func (sh *shop) addToCart(w http.ResponseWriter, r *http.Request, s *session.Session) {
	p, ok := productByID(r.PathValue("product"))
	if !ok {
		fail(w, http.StatusNotFound, "There is no such product.")
		return
	}
	n, ok := quantity(r.PostForm.Get("quantity"))
	if !ok {
		fail(w, http.StatusBadRequest, fmt.Sprintf("The quantity has to be a number from 1 to %d.", maxQuantity))
		return
	}
	cartKey.Update(s, func(c cart) cart { return c.add(p.ID, n) })
	redirect(w, r, "/cart")
}

func (sh *shop) removeFromCart(w http.ResponseWriter, r *http.Request, s *session.Session) {
	p, ok := productByID(r.PathValue("product"))
	if !ok {
		fail(w, http.StatusNotFound, "There is no such product.")
		return
	}
	if cartKey.Get(s)[p.ID] > 0 { // a visitor without a cart gets no session for taking nothing out
		cartKey.Update(s, func(c cart) cart { return c.remove(p.ID) })
	}
	redirect(w, r, "/cart")
}

func (sh *shop) clearCart(w http.ResponseWriter, r *http.Request, s *session.Session) {
	cartKey.Delete(s)
	redirect(w, r, "/cart")
}

// quantity parses how many to add; nothing said means one.
func quantity(text string) (n int, ok bool) {
	if text == "" {
		return 1, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && 1 <= n && n <= maxQuantity
}
