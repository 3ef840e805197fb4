package shop_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
)

// behind returns the shop as it is seen through a proxy, which hands requests on to
// the shop through next.
func (s *shop) behind(t *testing.T, proxy func(w http.ResponseWriter, r *http.Request, next http.Handler)) *shop {
	t.Helper()
	target, err := url.Parse(s.url)
	if err != nil {
		t.Fatal(err)
	}
	next := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(target)
			r.Out.Host = r.In.Host
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, _ error) { w.WriteHeader(http.StatusBadGateway) },
	}
	port := browser.Serve(t, false, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { proxy(w, r, next) }))
	return &shop{tb: t, url: "http://127.0.0.1:" + port}
}

// sentTwice is a proxy for a form that is sent twice. The answer to the first takes so
// long that the visitor clicks again; the browser has given the first up then. If
// known, the shop learns of that, as soon as the request has got there.
type sentTwice struct {
	path  string
	known bool

	posts    atomic.Int32
	answered chan struct{} // the first, by the shop
	again    chan struct{} // the second has arrived
}

func newSentTwice(path string, known bool) *sentTwice {
	return &sentTwice{path: path, known: known, answered: make(chan struct{}), again: make(chan struct{})}
}

func (p *sentTwice) serve(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if r.Method != http.MethodPost || r.URL.Path != p.path {
		next.ServeHTTP(w, r)
		return
	}
	switch p.posts.Add(1) {
	case 1:
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		ctx := r.Context()
		if !p.known {
			ctx = context.WithoutCancel(ctx)
		}
		r = r.WithContext(ctx)
		r.Body = io.NopCloser(bytes.NewReader(body))
		answer := httptest.NewRecorder()
		next.ServeHTTP(answer, r)
		close(p.answered)
		<-p.again
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
	case 2:
		close(p.again)
		if !p.known {
			<-p.answered
		}
		next.ServeHTTP(w, r)
	default:
		next.ServeHTTP(w, r)
	}
}

// clickTwice sends a form, sends it again after 60 ms, and waits for the page that it
// leads to.
func (v *visitor) clickTwice(form, leads string) {
	v.Helper()
	v.need(form)
	v.Do(chromedp.Evaluate[chromedp.Void](fmt.Sprintf(
		"{ const form = document.querySelector(%q); form.submit(); setTimeout(() => form.submit(), 60) }", form)))
	v.Await(fmt.Sprintf(`location.pathname === %q && document.readyState === "complete"`, leads))
}

func TestALoginFormSentTwiceThroughASlowProxySignsIn(t *testing.T) {
	t.Parallel()
	for _, known := range []bool{false, true} {
		t.Run(fmt.Sprintf("the shop knows %v", known), func(t *testing.T) {
			t.Parallel()
			s := openFiles(t)
			for range need.Rounds(t, 3) {
				proxy := newSentTwice("/login", known)
				v := enter(t, s.behind(t, proxy.serve))
				v.buy("coat", "2")
				v.visit("/login?next=%2Fprofile")
				v.fill("#login [name=login]", ada.login)
				v.fill("#login [name=password]", ada.password)
				v.clickTwice("#login", "/profile")
				v.want("#nav-profile", ada.name)
				v.wantCart(map[string]string{"coat": "2"})
				if n := proxy.posts.Load(); n != 2 {
					t.Errorf("the form was sent %d times", n)
				}

				proxy.posts.Store(0) // and the same with a password that is confirmed
				proxy.path, proxy.answered, proxy.again = "/confirm", make(chan struct{}), make(chan struct{})
				v.visit("/confirm?next=%2Fprofile")
				v.fill("#confirm [name=password]", ada.password)
				v.clickTwice("#confirm", "/profile")
				v.want("#nav-profile", ada.name)
				v.wantCart(map[string]string{"coat": "2"})
			}
		})
	}
}

// TestATabThatPollsLosesNoLogin has one that counts visits, several at a time, while
// its visitor signs in and out in another.
func TestATabThatPollsLosesNoLogin(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	v.visit("/login") // a first visit makes the session that all tabs have
	tab := &visitor{t, v.Tab(), v.shop}
	tab.RunScripts()
	tab.visit("/login")
	tab.Do(chromedp.Evaluate[chromedp.Void](`
		window.polls = 0;
		for (let i = 0; i < 3; i++) (async () => { for (;;) { await fetch("/visits"); window.polls++ } })();
		undefined`))
	lost, logins := 0, need.Rounds(t, 10)
	for range logins {
		v.visit("/login?next=%2Fprofile")
		v.identify(ada.login, ada.password)
		if v.isNobody() {
			lost++
			continue
		}
		v.click("#logout")
	}
	if polls := browser.Eval[int](tab.Visitor, "window.polls"); lost > 0 || polls < logins {
		t.Errorf("%d of %d logins were lost beside %d polls", lost, logins, polls)
	} else {
		t.Logf("%d logins, none lost, beside %d polls", logins, polls)
	}
}

// TestALoginThatTimesOutLeavesTheVisitorAsTheyWere has an http.TimeoutHandler in front,
// which answers while the shop signs the visitor in.
func TestALoginThatTimesOutLeavesTheVisitorAsTheyWere(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	var slow atomic.Bool
	handled := make(chan struct{}, 1)
	behind := s.behind(t, func(w http.ResponseWriter, r *http.Request, next http.Handler) {
		if r.Method != http.MethodPost || !slow.Load() {
			next.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		http.TimeoutHandler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			timeout := r.Context().Done()
			r = r.WithContext(context.WithoutCancel(r.Context()))
			r.Body = io.NopCloser(bytes.NewReader(body))
			next.ServeHTTP(httptest.NewRecorder(), r)
			handled <- struct{}{}
			<-timeout
		}), 100*time.Millisecond, "too slow").ServeHTTP(w, r)
	})
	v := enter(t, behind)
	v.buy("coat", "1")
	for _, form := range []string{"#login", "#confirm"} {
		v.visit("/" + form[1:] + "?next=%2Fprofile")
		if form == "#login" {
			v.fill("#login [name=login]", ada.login)
		}
		v.fill(form+" [name=password]", ada.password)
		slow.Store(true)
		v.click(form)
		v.wantAt("/"+form[1:], http.StatusServiceUnavailable)
		<-handled
		slow.Store(false)
		if form == "#login" { // nobody has learned of it; who signs in again finds the cart
			v.signIn(ada, "/cart")
		}
		if v.isNobody() {
			t.Errorf("signed out by %s, whose answer came too late", form)
		}
		v.wantCart(map[string]string{"coat": "1"})
	}
}

// TestAPostFromAnotherSiteSignsNobodyOut comes back from somewhere else by a form,
// without the cookie.
func TestAPostFromAnotherSiteSignsNobodyOut(t *testing.T) {
	t.Parallel()
	s := openFiles(t)
	provider := browser.Serve(t, true, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		fmt.Fprintf(w, `<!doctype html><form id=back method=post action="%s%s"><button>Back</button></form>`, s.url, r.URL.Path)
	}))
	v := enter(t, s)
	v.buy("coat", "1")
	v.signIn(ada, "/profile")
	before := v.cookie().Value
	for _, path := range []string{"/checkout", "/cart/clear", "/login", "/logout", "/nowhere"} {
		v.Open("https://pay.test:" + provider + path)
		v.click("#back")
		if v.status() < 400 {
			t.Errorf("%s: status %d", path, v.status())
		}
		if v.isNobody() {
			t.Errorf("signed out by a form that leads to %s", path)
		}
	}
	v.wantCart(map[string]string{"coat": "1"})
	if c := v.cookie(); c == nil || c.Value != before {
		t.Error("the cookie was replaced")
	}
}
