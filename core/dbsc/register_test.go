package dbsc_test

import (
	"crypto"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestALoginIsBoundToTheKeyThatItsBrowserRegisters(t *testing.T) {
	t.Parallel()
	for name, signer := range map[string]crypto.Signer{"ES256": ecKey(t), "RS256": rsaKey()} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			st := newSite(t)
			b := st.browser(signer)
			b.visit("/login/ann")
			if b.id == "" {
				t.Fatal("the browser could not register")
			}
			wantStatus(t, dbsc.Bound, b.visit("/"), "with the cookie")
			want(t, http.StatusOK, b.visit("/vault"), "where the device is required")
			delete(b.jar, boundCookie)
			wantStatus(t, dbsc.Unproven, b.send(http.MethodGet, "/"), "without the cookie")
			want(t, http.StatusOK, b.visit("/vault"), "refreshed")
		})
	}
}

func TestABrowserThatBindsNothingGoesOn(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/login/ann")
	for range 3 {
		res := b.visit("/vault")
		want(t, http.StatusOK, res, "where the device is required")
		wantStatus(t, dbsc.Unbound, res, "without a key")
	}
	want(t, http.StatusOK, st.browser(nil).visit("/vault"), "nobody signed in")
	if len(st.events) != 0 {
		t.Errorf("events: %v", st.events)
	}
}

func TestAnOfferIsMadeForAFreshLoginOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		st := newSite(t)
		b := st.browser(nil)
		if b.visit("/offer"); b.offered != "" || len(b.jar) != 0 {
			t.Error("an offer, or a cookie, for somebody who has not signed in")
		}
		b.visit("/silent/ann")
		if b.visit("/offer"); b.offered == "" {
			t.Error("no offer on the page after the login")
		}
		b.offered = ""
		<-time.After(time.Minute)
		if b.visit("/offer"); b.offered != "" {
			t.Error("an offer a minute after the login: whoever has copied the cookie could take it")
		}
	})
}

// TestAnOfferIsGoodForSomeMinutes: nobody who finds it later can use it, however long a
// bound cookie lasts.
func TestAnOfferIsGoodForSomeMinutes(t *testing.T) {
	t.Parallel()
	for _, lifetime := range []time.Duration{0, time.Hour} {
		for after, status := range map[time.Duration]int{
			0: 200, 10 * time.Minute: 200, 15*time.Minute - time.Millisecond: 200, 15 * time.Minute: 403,
		} {
			synctest.Test(t, func(t *testing.T) {
				b := newSite(t, func(_ *session.Options, o *dbsc.Options) { o.Lifetime = lifetime }).browser(nil)
				b.visit("/login/ann")
				b.signer = ecKey(t)
				<-time.After(after)
				want(t, status, b.register(b.offered), after.String())
			})
		}
	}
}

func TestALostAnswerOfARegistrationLocksNobodyOut(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/login/ann")
	b.signer = ecKey(t)
	want(t, http.StatusOK, b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(b.offered, true)), "registering")
	want(t, http.StatusOK, b.send(http.MethodGet, "/vault"), "without the answer")
	want(t, http.StatusOK, b.register(b.offered), "the same registration again")
	wantStatus(t, dbsc.Bound, b.visit("/"), "with the answer")
	if n := len(st.seen(dbsc.EventBound)); n != 1 {
		t.Errorf("bound %d times", n)
	}
}

// TestTheFirstCookieBindsOnAnyPage: a page that does not look at the session either, so
// that nobody gets in with a copy where the visitor has not been yet.
func TestTheFirstCookieBindsOnAnyPage(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.visit("/login/ann")
	thief := b.steal()
	delete(thief.jar, boundCookie)
	want(t, http.StatusOK, thief.visit("/vault"), "before the browser has shown that it is bound")
	before := b.jar[boundCookie].Value
	b.visit("/static")
	if b.jar[boundCookie].Value == before {
		t.Error("the first cookie stays, and costs a call with each request")
	}
	want(t, http.StatusForbidden, thief.visit("/vault"), "afterwards")
	calls := st.store.calls.Load()
	b.visit("/static")
	if n := st.store.calls.Load() - calls; n != 0 {
		t.Errorf("%d calls of the store for a page that asks for nothing", n)
	}
	if got := st.seen(dbsc.EventBound); len(got) != 1 || got[0].Subject != "ann" || got[0].ID == "" {
		t.Errorf("events: %v", got)
	}
}

// TestNoCookieComesWithWhatMayBeCached, by handlers that know nothing of sessions.
func TestNoCookieComesWithWhatMayBeCached(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.visit("/login/ann")
	for _, kind := range []string{"image", "style", "script", "font"} {
		if res := b.visit("/static", "Sec-Fetch-Dest", kind); len(res.Cookies()) != 0 {
			t.Errorf("%s: %v", kind, res.Cookies())
		}
	}
	if len(st.seen(dbsc.EventBound)) != 1 {
		t.Error("not bound")
	}
	if res := b.visit("/", "Sec-Fetch-Dest", "document"); len(res.Cookies()) != 1 {
		t.Errorf("a page: %v", res.Cookies())
	}
}

func TestWhatCantBeSavedIsTriedWithTheNextRequest(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.visit("/login/ann")
	st.store.down.Store(true)
	want(t, http.StatusOK, b.visit("/static"), "a page that needs no session")
	st.store.down.Store(false)
	b.visit("/static")
	if len(st.seen(dbsc.EventBound)) != 1 {
		t.Error("not bound")
	}
}

func TestAnOutageDuringRegistrationIs503(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/login/ann")
	b.signer = ecKey(t)
	st.store.down.Store(true)
	res := b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(b.offered, true))
	want(t, http.StatusServiceUnavailable, res, "while the store is down")
	if res.Header.Get("Retry-After") == "" || len(res.Cookies()) != 0 {
		t.Errorf("header: %v", res.Header)
	}
	st.store.down.Store(false)
	want(t, http.StatusOK, b.send(http.MethodGet, "/vault"), "the visitor goes on")
	want(t, http.StatusOK, b.register(b.offered), "registering again")
}

// TestAFormSentTwiceBindsOneLogin has the browser with the second answer's ticket, and
// both offers.
func TestAFormSentTwiceBindsOneLogin(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/offer")
	first, second := b.send(http.MethodPost, "/login/ann"), b.send(http.MethodPost, "/login/ann")
	b.take(first)
	lost := b.offered
	b.take(second)
	b.signer = ecKey(t)
	want(t, http.StatusForbidden, b.register(lost), "the first answer's offer")
	want(t, http.StatusOK, b.register(b.offered), "the second's")
	wantStatus(t, dbsc.Bound, b.visit("/"), "afterwards")
}

// TestAFormSentTwiceJoins has a visitor who had a session before, so that both requests
// sign in to the same one.
func TestAFormSentTwiceJoins(t *testing.T) {
	t.Parallel()
	cart := session.NewKey[int]("cart")
	st := newSite(t)
	st.handler = around(st, func(s *session.Session) { cart.Set(s, 1) })
	b := st.browser(nil)
	b.visit("/cart")
	first, second := b.send(http.MethodPost, "/login/ann"), b.send(http.MethodPost, "/login/ann")
	for name, res := range map[string]*http.Response{"first": first, "second": second} {
		c := st.browser(nil)
		c.take(res)
		c.signer = ecKey(t)
		want(t, http.StatusOK, c.register(c.offered), name)
		wantStatus(t, dbsc.Bound, c.visit("/"), name)
	}
}

func around(st *site, cart func(*session.Session)) http.Handler {
	inner := st.handler
	return st.sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.URL.Path == "/cart" {
			cart(s)
			return
		}
		inner.ServeHTTP(w, r)
	})
}
