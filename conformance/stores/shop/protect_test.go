package shop_test

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

func TestAFormWithoutTheSessionsTokenIsRefused(t *testing.T) {
	t.Parallel()
	const field = `document.querySelector("#clear [name=csrf_token]")`
	s := openFiles(t)
	other := enter(t, s)
	other.buy("scarf", "1")
	foreign := browser.Eval[string](other.Visitor, field+".value")
	both(t, s, func(v *visitor, p person) {
		v.signIn(p, "/")
		v.buy(p.product, "1")
		for name, script := range map[string]string{
			"missing": field + ".remove()",
			"empty":   field + `.value = ""`,
			"changed": field + `.value = ` + field + `.value.replace(/./g, c => c === "A" ? "B" : "A")`,
			"foreign": fmt.Sprintf(field+".value = %q", foreign),
		} {
			v.visit("/cart")
			v.Do(chromedp.Evaluate[chromedp.Void](script))
			v.click("#clear")
			if v.path() != "/cart/clear" || v.status() != http.StatusForbidden {
				v.Errorf("%s token: at %s with status %d", name, v.path(), v.status())
			}
			v.want("#message", "This form has expired, or it is not from this site. Go back, reload the page and try again.")
			v.wantCart(map[string]string{p.product: "1"})
		}
		v.click("#clear") // as it is
		v.wantCart(map[string]string{})
	})
}

func TestAnotherSitesFormIsRefused(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	v := enter(t, s)
	v.buy(ada.product, "1")
	evil := browser.Serve(t, true, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><form id=evil method=post action="%s/cart/clear"><button>Win</button></form>`, s.url)
	}))
	v.Open("https://evil.test:" + evil)
	v.click("#evil")
	v.wantAt("/cart/clear", 403)
	v.want("#message", "This request came from another site.")
	v.wantCart(map[string]string{ada.product: "1"})
}

func TestBehindAProxyWithTLSTheCookieIsSecure(t *testing.T) {
	t.Parallel()
	s := openFiles(t, "-secure")
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	port := browser.Serve(t, true, &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(target)
		r.SetXForwarded()
		r.Out.Host = r.In.Host
	}})
	v := enter(t, &shop{url: "https://shop.test:" + port})
	v.signIn(ada, "/profile")
	if c := v.cookie(); c == nil || c.Name != "__Host-session" || !c.Secure || !c.HTTPOnly {
		t.Errorf("the cookie is %+v", c)
	}
	v.buy(ada.product, "2")
	v.wantCart(map[string]string{ada.product: "2"})
	v.click("#logout")
	if c := v.cookie(); !v.isNobody() {
		t.Errorf("still signed in, with %+v", c)
	}
}

func TestPagesRunNoScripts(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	const tag = `"><script>document.title = "run"</script><img src=x onerror="document.title = 'run'">`
	v.visit("/login")
	v.identify(tag, "guessed")
	v.wantAt("/login", 403)
	if got := browser.Eval[string](v.Visitor, `document.querySelector("[name=login]").value`); got != tag {
		t.Errorf("the field holds %q, want what was written", got)
	}
	if v.sees("form script") || v.sees("form img") || browser.Eval[string](v.Visitor, "document.title") == "run" {
		t.Error("what a visitor writes is part of the page")
	}
	// And if it were, the policy would keep it from running.
	v.Do(chromedp.Evaluate[chromedp.Void](`{
		const script = document.createElement("script");
		script.textContent = "document.title = 'run'";
		document.body.append(script);
	}`))
	if browser.Eval[string](v.Visitor, "document.title") == "run" {
		t.Error("the policy lets a script run")
	}
}
