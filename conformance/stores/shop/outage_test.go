package shop_test

import (
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

func TestVisitorsOutliveTheProcess(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	visitors := map[person]*visitor{ada: enter(t, s), bruno: enter(t, s)}
	for p, v := range visitors {
		v.visit("/preferences")
		v.tick("#theme-" + p.theme)
		v.click("#preferences")
		v.signIn(p, "/")
		v.buy(p.product, "2")
	}
	s.kill()
	s.start()
	for p, v := range visitors {
		v.wantCart(map[string]string{p.product: "2"})
		v.want("#nav-profile", p.name)
		v.wantBackground(p.background)
		v.click("#clear") // the token's secret is in the session, too
		v.wantAt("/cart", 200)
		v.wantCart(map[string]string{})
	}
}

func TestPostgresAwayIsAPageThatSaysSo(t *testing.T) {
	t.Parallel()
	browser.Need(t)
	server := servers.Own(t, servers.Postgres)
	v := enter(t, open(t, server.URL))
	v.signIn(ada, "/")
	v.buy(ada.product, "2")

	server.Kill(t)
	for _, path := range []string{"/cart", "/profile"} {
		v.visit(path)
		v.wantAt(path, 503)
		v.want("#message", "The cloakroom can't be reached right now. Your things are safe: please try again in a moment.")
	}
	server.Start(t)
	v.wantCart(map[string]string{ada.product: "2"})
	v.want("#nav-profile", ada.name)
}
