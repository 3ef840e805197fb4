package main

import (
	"fmt"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A product is something to buy; what it is called is in the locales. Prices are
// in cents.
type product struct {
	ID    string
	Price int
}

// Name and About are keys of messages.
func (p product) Name() string  { return "product." + p.ID }
func (p product) About() string { return p.Name() + ".about" }

var products = []product{
	{"coat", 18900},
	{"umbrella", 2450},
	{"scarf", 3900},
	{"hat", 5900},
	{"gloves", 4500},
	{"cape", 14900},
	{"brush", 1600},
	{"hanger", 1275},
}

func productByID(id string) (product, bool) {
	for _, p := range products {
		if p.ID == id {
			return p, true
		}
	}
	return product{}, false
}

// home has no form, and so it needs no token and begins no session: visitors who
// only look around leave nothing behind, in the store or in their browser.
func (v *visit) home() {
	v.show(http.StatusOK, "home", v.t("home.title"), struct {
		Visits   int
		Products []product
	}{visitsKey.Get(v.s), products})
}

func (v *visit) product() {
	p, ok := productByID(v.r.PathValue("item"))
	if !ok {
		v.fail(http.StatusNotFound, "error.product")
		return
	}
	v.show(http.StatusOK, "product", v.t(p.Name()), p)
}

var visitsKey = session.NewKey[int]("visits")

// visits counts the visit and answers the number, for people with curl. It is the
// one page that changes something on GET, because that is what it is for.
func (v *visit) visits() {
	h := v.w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if v.r.Method == http.MethodHead {
		return
	}
	visitsKey.Update(v.s, func(n int) int { return n + 1 })
	// The number is what has been saved, not what this request thinks it will be:
	// no two visits at the same moment are told the same one.
	if err := v.s.Commit(v.r.Context()); err != nil {
		v.sessions.Fail(v.w, v.r, err)
		return
	}
	_, _ = fmt.Fprintln(v.w, visitsKey.Get(v.s)) //nolint:gosec // a number; the visitor may be gone
}
