package shop_test

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

// A person has an account in the shop, and a taste.
type person struct {
	name, login, password string
	id                    string
	home, notHome         string // the dashboards
	product, theme        string
	background            string // of that theme
	language, hello       string // and what it calls the shop's home page
}

var (
	ada = person{
		name: "Ada Okafor", login: "ada", password: "velvet-hanger", id: "1001", home: "/dashboard", notHome: "/admin",
		product: "coat", theme: "dark", background: "rgb(23, 25, 23)", language: "fr", hello: "Bienvenue",
	}
	bruno = person{
		name: "Bruno Silva", login: "bruno", password: "brass-button", id: "1002", home: "/admin", notHome: "/dashboard",
		product: "hat", theme: "light", background: "rgb(250, 248, 244)", language: "ja", hello: "ようこそ",
	}
)

// both lets the two go through the shop at the same time, each with a browser of
// their own.
func both(t *testing.T, s *shop, flow func(v *visitor, p person)) {
	t.Helper()
	bothBy(t, s, enter, flow)
}

// bothBy is both, for those who enter in another way.
func bothBy(t *testing.T, s *shop, enter func(testing.TB, *shop) *visitor, flow func(v *visitor, p person)) {
	t.Helper()
	for _, p := range []*person{&ada, &bruno} {
		t.Run(p.login, func(t *testing.T) {
			t.Parallel()
			flow(enter(t, s), *p)
		})
	}
}

// A visitor is somebody in a shop, for a test.
type visitor struct {
	testing.TB
	*browser.Visitor

	shop *shop
}

func enter(tb testing.TB, s *shop) *visitor {
	tb.Helper()
	return &visitor{tb, browser.New(tb), s}
}

// enterWhole is enter, for what only a whole browser does.
func enterWhole(tb testing.TB, s *shop) *visitor {
	tb.Helper()
	return &visitor{tb, browser.NewWhole(tb), s}
}

// visit goes to a page of the shop, and returns its text.
func (v *visitor) visit(path string) string {
	v.Helper()
	return v.Open(v.shop.url + path)
}

// click clicks on a link, or on the button of a form, and waits for the page to
// which that leads.
func (v *visitor) click(selector string) {
	v.Helper()
	if browser.Eval[bool](v.Visitor, fmt.Sprintf("document.querySelector(%q)?.tagName === 'FORM'", selector)) {
		selector += " button"
	}
	v.need(selector)
	v.Follow(chromedp.Click(chromedp.CSS(selector)))
}

// need ends the test unless there is such an element.
func (v *visitor) need(selector string) {
	v.Helper()
	if !v.sees(selector) {
		v.Fatalf("%s has no %s; it says\n%s", v.path(), selector, v.Text())
	}
}

// fill writes into a field.
func (v *visitor) fill(selector, value string) {
	v.Helper()
	v.need(selector)
	v.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf("document.querySelector(%q).value = %q", selector, value)))
}

// tick clicks on a box of a form.
func (v *visitor) tick(selector string) {
	v.Helper()
	v.need(selector)
	v.Do(chromedp.Click(chromedp.CSS(selector)))
}

// sees tells whether there is such an element.
func (v *visitor) sees(selector string) bool {
	v.Helper()
	return browser.Eval[bool](v.Visitor, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// read returns the text of an element, "" if there is none.
func (v *visitor) read(selector string) string {
	v.Helper()
	return strings.TrimSpace(browser.Eval[string](v.Visitor, fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)))
}

// list returns the texts of all such elements.
func (v *visitor) list(selector string) []string {
	v.Helper()
	return browser.Eval[[]string](v.Visitor, fmt.Sprintf("[...document.querySelectorAll(%q)].map(e => e.innerText.trim())", selector))
}

// path returns where the visitor is, with the query.
func (v *visitor) path() string {
	v.Helper()
	address := browser.Eval[string](v.Visitor, "location.href")
	path, ok := strings.CutPrefix(address, v.shop.url)
	if !ok {
		return address
	}
	return path
}

// status returns the status of the page.
func (v *visitor) status() int {
	v.Helper()
	return browser.Eval[int](v.Visitor, `performance.getEntriesByType("navigation")[0].responseStatus`)
}

// wantAt tells whether the visitor is where they should be.
func (v *visitor) wantAt(path string, status int) {
	v.Helper()
	if gotPath, gotStatus := v.path(), v.status(); gotPath != path || gotStatus != status {
		v.Fatalf("at %s with status %d, want %s with %d; it says\n%s", gotPath, gotStatus, path, status, v.Text())
	}
}

// want compares the text of an element.
func (v *visitor) want(selector, text string) {
	v.Helper()
	if got := v.read(selector); got != text {
		v.Errorf("%s: %s says %q, want %q", v.path(), selector, got, text)
	}
}

// signIn fills in the form at /login, for whoever has to return to next.
func (v *visitor) signIn(p person, next string) {
	v.Helper()
	v.visit("/login?next=" + url.QueryEscape(next))
	v.identify(p.login, p.password)
	v.wantAt(next, 200)
	v.want("#nav-profile", p.name)
}

// identify fills in the form on the page.
func (v *visitor) identify(login, password string) {
	v.Helper()
	v.fill("#login [name=login]", login)
	v.fill("#login [name=password]", password)
	v.click("#login")
}

// isNobody tells whether the visitor has to sign in.
func (v *visitor) isNobody() bool {
	v.Helper()
	v.visit("/profile")
	return strings.HasPrefix(v.path(), "/login")
}

// buy puts a product into the cart.
func (v *visitor) buy(product, quantity string) {
	v.Helper()
	v.visit("/products/" + product)
	v.fill("#quantity", quantity)
	v.click("#add")
}

// cart returns what is in the cart: quantities by product.
func (v *visitor) cart() map[string]string {
	v.Helper()
	v.visit("/cart")
	return browser.Eval[map[string]string](v.Visitor, `Object.fromEntries([...document.querySelectorAll("#cart tbody tr")]
		.map(row => [row.dataset.product, row.querySelector(".quantity").innerText]))`)
}

// cookie returns the session's cookie, or nil. Over https, a browser may have that of its
// device beside it.
func (v *visitor) cookie() *network.Cookie {
	v.Helper()
	cookies := slices.DeleteFunc(v.Cookies(), func(c *network.Cookie) bool { return strings.HasSuffix(c.Name, "-device") })
	switch len(cookies) {
	case 0:
		return nil
	case 1:
		return cookies[0]
	}
	v.Fatalf("the browser has %d cookies", len(cookies))
	return nil
}

// prefers makes the browser ask for languages.
func (v *visitor) prefers(languages string) {
	v.Helper()
	tell(v, network.SetExtraHTTPHeaders, network.SetExtraHTTPHeadersParams{
		Headers: network.Headers{"Accept-Language": languages},
	})
}

// calls makes the browser call itself something else.
func (v *visitor) calls(userAgent string) {
	v.Helper()
	tell(v, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: userAgent})
}

// pretendFocus makes the tab behave as the one in which somebody types: of several
// that are open at the same time, only one is.
func (v *visitor) pretendFocus() {
	v.Helper()
	tell(v, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
}

// tell gives the browser a command.
func tell[P, R any](v *visitor, command cdp.Command[P, R], params P) {
	v.Helper()
	v.Do(chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := cdp.Call(ctx, t, command, params)
		return err
	}))
}
