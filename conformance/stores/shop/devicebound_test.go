package shop_test

import (
	"context"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

// behindProxy returns the shop as visitors see it through a proxy that serves https.
func (s *shop) behindProxy() *shop {
	s.tb.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		s.tb.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}}
	return &shop{tb: s.tb, url: "https://shop.test:" + browser.Serve(s.tb, true, proxy)}
}

func TestAShopThatIsReachedByHTTPSBindsItsDevices(t *testing.T) {
	t.Parallel()
	v := enterWhole(t, openFiles(t, "-secure").behindProxy())
	v.signIn(ada, "/devices")
	v.visit("/devices")
	for tries := 0; !v.sees(".bound"); tries++ { // the browser is at it
		if tries == 1000 {
			t.Fatal("no device is bound")
		}
		v.visit("/devices")
	}
	v.want(".bound", "bound to the device")
	v.visit("/password")
	v.wantAt("/password", 200)

	thief := enterWhole(t, v.shop)
	for _, c := range v.Cookies() {
		if c.Name != "__Host-session" {
			continue
		}
		thief.Do(chromedp.Func(func(ctx context.Context, target *chromedp.Target) error {
			_, err := cdp.Call(ctx, target, network.SetCookie, network.SetCookieParams{
				Name: c.Name, Value: c.Value, URL: v.shop.url, Path: c.Path, Secure: &c.Secure, HTTPOnly: &c.HTTPOnly, SameSite: c.SameSite,
			})
			return err
		}))
	}
	thief.visit("/profile")
	thief.wantAt("/profile", 200)
	thief.visit("/password")
	thief.wantAt("/password", 403)
	v.visit("/password")
	v.wantAt("/password", 200)
}
