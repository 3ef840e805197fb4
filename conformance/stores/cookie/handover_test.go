package cookie_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// wantLogin checks that whoever signed in is still, with one cookie.
func (s *shop) wantLogin(v *browser.Visitor, when string) {
	s.tb.Helper()
	if got := s.visit(v, "https://shop.test/"); got.cookies != 1 || got.session.Subject() != "ann" {
		s.tb.Errorf("%s: %d cookies, signed in as %q", when, got.cookies, got.session.Subject())
	}
}

// TestARequestFromAnotherSiteReplacesNoLogin comes without the cookie, and leaves
// something in the session.
func TestARequestFromAnotherSiteReplacesNoLogin(t *testing.T) {
	t.Parallel()
	for name, mode := range map[string]http.SameSite{"Lax": http.SameSiteLaxMode, "Strict": http.SameSiteStrictMode} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, session.Cookie{SameSite: mode})
			v := browser.New(t)
			s.visit(v, "https://shop.test/?do=login")
			s.wantLogin(v, "at first")
			for _, r := range requests {
				s.visit(v, "https://evil.test/")
				s.ask(v, r, "https://shop.test/?do=count")
				s.wantLogin(v, r.name)
			}
			s.visit(v, "https://evil.test/")
			s.ask(v, postForm, "https://shop.test/?do=login") // back from an identity provider
			s.wantLogin(v, "signed in from another site")
		})
	}
}

// TestLostRenewalsSignNobodyOut loses the answers with new tickets. A ticket is due
// four times a second.
func TestLostRenewalsSignNobodyOut(t *testing.T) {
	t.Parallel()
	s := open(t, session.Cookie{})
	const grace, every = 100 * time.Millisecond, 250 * time.Millisecond
	s.configure(session.Options{RenewEvery: every, RenewGrace: grace})
	v := browser.New(t)
	s.visit(v, "https://shop.test/?do=login")
	s.wantLogin(v, "at first")
	first := v.Cookies()[0].Value
	for range 5 {
		<-time.After(every + grace)
		held := v.Cookies()[0].Value
		v.Do(chromedp.Evaluate[chromedp.Void](`fetch("/?do=lost").catch(() => {})`, chromedp.EvalAwaitPromise))
		if v.Cookies()[0].Value != held {
			t.Fatal("the answer was not lost")
		}
		<-time.After(2 * grace)
		s.wantLogin(v, "after an answer that was lost")
	}
	for end := time.Now().Add(time.Minute); v.Cookies()[0].Value == first; s.wantLogin(v, "later") {
		if time.Now().After(end) {
			t.Fatal("the ticket is never renewed")
		}
	}
}
