package cookie_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A request is a way in which a page makes a browser ask for an address.
type request struct {
	name   string
	leaves bool   // goes there from the page
	script string // with %q for the address
}

var (
	link     = request{"link", true, `const a = document.createElement("a"); a.href = %q; document.body.append(a); a.click()`}
	getForm  = request{"GET form", true, form("get")}
	postForm = request{"POST form", true, form("post")}
	frame    = request{"frame", false, load("iframe")}
	image    = request{"image", false, load("img")}
	fetch    = request{"fetch", false, `fetch(%q, {mode: "no-cors", credentials: "include"})`}
	post     = request{"POST by fetch", false, `fetch(%q, {mode: "no-cors", credentials: "include", method: "POST"})`}
)

var requests = []request{link, getForm, postForm, frame, image, fetch, post}

func form(method string) string {
	return `const f = document.createElement("form"); f.method = "` + method + `"; f.action = %q; document.body.append(f); f.submit()`
}

func load(element string) string {
	return `new Promise(done => { const e = document.createElement("` + element +
		`"); e.onload = e.onerror = () => done(); e.src = %q; document.body.append(e) })`
}

// ask makes the page that the visitor is on ask for an address, and returns what
// came along.
func (s *shop) ask(v *browser.Visitor, r request, address string) visit {
	s.tb.Helper()
	step := chromedp.Evaluate[chromedp.Void](fmt.Sprintf(r.script, s.url(address)), chromedp.EvalAwaitPromise)
	if r.leaves {
		v.Follow(step)
	} else {
		v.Do(step)
	}
	return s.saw(address)
}

var (
	lax         = session.Cookie{SameSite: http.SameSiteLaxMode}
	strict      = session.Cookie{SameSite: http.SameSiteStrictMode}
	none        = session.Cookie{SameSite: http.SameSiteNoneMode}
	partitioned = session.Cookie{SameSite: http.SameSiteNoneMode, Partitioned: true}
)

// Each case says with which requests of a page at from the cookie of shop.test,
// which the visitor has from there, goes along.
var sameSites = []struct {
	rule   string
	cookie session.Cookie
	block  bool // third-party cookies
	from   string
	with   []request
}{
	{rule: "the default goes along with another site's links alone", from: "https://evil.test/", with: []request{link, getForm}},
	{rule: "Lax goes along with another site's links alone", cookie: lax, from: "https://evil.test/", with: []request{link, getForm}},
	{rule: "Lax goes along from a subdomain of the same site", cookie: lax, from: "https://www.shop.test/", with: requests},
	{rule: "Lax takes the same host by http for another site", cookie: lax, from: "http://shop.test/", with: []request{link, getForm}},
	{rule: "Strict goes along with nothing from another site", cookie: strict, from: "https://evil.test/"},
	{rule: "Strict goes along from a subdomain of the same site", cookie: strict, from: "https://www.shop.test/", with: requests},
	{rule: "None goes along with everything", cookie: none, from: "https://evil.test/", with: requests},
	{
		rule: "None where third-party cookies are blocked goes along with what leads there", cookie: none, block: true,
		from: "https://evil.test/", with: []request{link, getForm, postForm},
	},
	{
		rule: "Partitioned does not go along to another site's frame", cookie: partitioned,
		from: "https://evil.test/", with: []request{link, getForm, postForm},
	},
}

func TestWhichRequestsOfOtherSitesCarryTheCookie(t *testing.T) {
	t.Parallel()
	for _, c := range sameSites {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			s, v := open(t, c.cookie), browser.New(t)
			if c.block {
				v.BlockThirdPartyCookies()
			}
			s.visit(v, "https://shop.test/?do=count")
			for i, r := range requests {
				want := 0
				if slices.Contains(c.with, r) {
					want = 1
				}
				s.visit(v, c.from)
				if got := s.ask(v, r, fmt.Sprintf("https://shop.test/%d", i)).cookies; got != want {
					t.Errorf("%s: %d cookies came along, want %d", r.name, got, want)
				}
			}
			if got := s.visit(v, "https://shop.test/").cookies; got != 1 {
				t.Errorf("typed in: %d cookies came along, want 1", got)
			}
		})
	}
}
