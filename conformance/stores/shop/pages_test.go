package shop_test

import (
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

var pictures = flag.String("pictures", "", "`folder` for a picture of every page")

// A view is how somebody looks at a page.
type view struct {
	name   string
	width  int64
	height int64
	theme  string
}

// views are the ones of the pictures. The first and the last one have every width
// and every theme in them, which is enough for finding what is wrong.
var views = []view{
	{"phone-light", 390, 844, "light"},
	{"phone-dark", 390, 844, "dark"},
	{"desktop-light", 1280, 800, "light"},
	{"desktop-dark", 1280, 800, "dark"},
}

func TestEveryPageCanBeReadAndUsed(t *testing.T) {
	t.Parallel()
	languages := []string{"fr"} // the one with the longest words
	if *pictures != "" {
		languages = []string{"en", "es", "fr", "ja"}
	}
	for _, language := range languages {
		t.Run(language, func(t *testing.T) {
			t.Parallel()
			s := openFiles(t)
			guest, customer, administrator := enter(t, s), enter(t, s), enter(t, s)
			for _, v := range []*visitor{guest, customer, administrator} {
				v.prefers(language)
				v.calls(computer)
				v.pretendFocus()
			}
			guest.lookAround()
			customer.lookAsCustomer()
			administrator.lookAsAdministrator()
		})
	}
}

func (v *visitor) lookAround() {
	v.Helper()
	v.look("home", "/")
	v.look("product", "/products/coat")
	v.look("cart-empty", "/cart")
	v.look("history-empty", "/history")
	v.look("login", "/login")
	v.identify("ada", "guessed")
	v.look("login-wrong", "")
	v.look("not-found", "/elephants")
}

func (v *visitor) lookAsCustomer() {
	v.Helper()
	v.visit("/preferences")
	v.tick("#notifications")
	v.click("#preferences")
	v.look("preferences", "")
	v.signIn(ada, "/profile")
	v.look("profile", "")
	v.look("dashboard-empty", "/dashboard")
	for _, product := range []string{"coat", "umbrella", "brush"} {
		v.buy(product, "12")
	}
	v.look("cart", "")
	v.look("checkout", "/checkout")
	v.click("#checkout")
	v.look("ordered", "")
	v.look("dashboard", "/dashboard")
	v.look("history", "/history")
	v.look("password", "/password")
	v.look("confirm", "/confirm")
	v.look("forbidden", "/admin")
	other := enter(v.TB, v.shop)
	other.calls(phone)
	other.signIn(ada, "/profile")
	v.look("devices", "/devices")
}

func (v *visitor) lookAsAdministrator() {
	v.Helper()
	v.signIn(bruno, "/admin")
	v.look("admin", "")
}

// look goes to a page, unless the visitor is there, and looks at it in several ways.
func (v *visitor) look(name, path string) {
	v.Helper()
	if path != "" {
		v.visit(path)
	}
	chosen := views
	if *pictures == "" {
		chosen = []view{views[0], views[len(views)-1]}
	}
	for _, way := range chosen {
		v.scheme(way.theme)
		v.Do(chromedp.EmulateViewport(way.width, way.height))
		if *pictures != "" {
			v.picture(name + "-" + way.name)
		}
		v.wantUsable(name + "-" + way.name)
	}
}

// picture writes what the visitor sees.
func (v *visitor) picture(name string) {
	v.Helper()
	language := browser.Eval[string](v.Visitor, "document.documentElement.lang")
	folder := filepath.Join(*pictures, language)
	if err := os.MkdirAll(folder, 0o750); err != nil {
		v.Fatal(err)
	}
	image := v.Picture()
	if err := os.WriteFile(filepath.Join(folder, name+".png"), image, 0o600); err != nil {
		v.Fatal(err)
	}
}
