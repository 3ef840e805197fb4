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

// TestALostAnswerOfARegistrationLocksNobodyOut: the server has the key, and the browser
// knows of none. It may have got the header, with the cookies.
func TestALostAnswerOfARegistrationLocksNobodyOut(t *testing.T) {
	t.Parallel()
	for name, arrives := range map[string]func(*browser, *http.Response){
		"nothing arrives":    func(*browser, *http.Response) {},
		"the header arrives": func(b *browser, res *http.Response) { b.take(res) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				st := newSite(t)
				b := st.browser(nil)
				b.visit("/login/ann")
				offer := b.offered
				b.signer = ecKey(t)
				res := b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(offer, true))
				want(t, http.StatusOK, res, "registering")
				arrives(b, res)
				b.offered = ""
				for range 3 {
					want(t, http.StatusOK, b.visit("/vault"), "without a key")
					<-time.After(6 * time.Minute)
				}
				if len(st.seen(dbsc.EventBound)) != 0 {
					t.Error("bound, to a browser that knows of no key")
				}
			})
		})
	}
}

// TestARegistrationMayBeSentAgain by a browser that has got no answer, until it has proved
// that it knows of the key.
func TestARegistrationMayBeSentAgain(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.browser(nil)
	b.visit("/login/ann")
	offer := b.offered
	b.signer = ecKey(t)
	want(t, http.StatusOK, b.send(http.MethodPost, dbsc.DefaultPath, response, b.proof(offer, true)), "registering")
	want(t, http.StatusOK, b.register(offer), "the same registration again")
	wantStatus(t, dbsc.Bound, b.visit("/"), "with the answer")
	if n := len(st.seen(dbsc.EventBound)); n != 1 {
		t.Errorf("bound %d times", n)
	}
	want(t, http.StatusForbidden, b.register(offer), "after the first proof")
}

// TestALoginIsBoundByTheFirstProof: it comes before the next request, whatever that is for,
// so that nobody gets in with a copy where the visitor has not been yet.
func TestALoginIsBoundByTheFirstProof(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.visit("/login/ann")
	if b.has(boundCookie) || b.next == "" {
		t.Fatal("a cookie before the first proof, or no challenge for that")
	}
	thief := b.steal()
	want(t, http.StatusOK, thief.visit("/vault"), "a copy, before the first proof")
	b.visit("/static")
	want(t, http.StatusForbidden, thief.visit("/vault"), "a copy afterwards")
	wantStatus(t, dbsc.Bound, b.visit("/vault"), "the visitor")
	if got := st.seen(dbsc.EventBound); len(got) != 1 || got[0].Subject != "ann" || got[0].ID == "" {
		t.Errorf("events: %v", got)
	}
	if got := st.seen(dbsc.EventProofRefused); len(got) != 0 {
		t.Errorf("the first proof takes more than one request: %v", got)
	}
	calls := st.store.calls.Load()
	b.visit("/static")
	if n := st.store.calls.Load() - calls; n != 0 {
		t.Errorf("%d calls of the store for a page that asks for nothing", n)
	}
}

// TestARegistrationTakesBackTheCookieOfAnEarlierLogin: with that, the browser would prove
// nothing until it runs out.
func TestARegistrationTakesBackTheCookieOfAnEarlierLogin(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"ann", "bob"} {
		st := newSite(t)
		b := st.device()
		b.signIn()
		b.visit("/login/" + who)
		thief := b.steal()
		b.visit("/static")
		want(t, http.StatusForbidden, thief.visit("/vault"), who)
		wantStatus(t, dbsc.Bound, b.visit("/vault"), who)
	}
}

// TestAnOutageDuringTheFirstProofLocksNobodyOut: whether it was noted or not, the browser
// has the key.
func TestAnOutageDuringTheFirstProofLocksNobodyOut(t *testing.T) {
	t.Parallel()
	st := newSite(t)
	b := st.device()
	b.visit("/login/ann")
	st.store.down.Store(true)
	want(t, http.StatusOK, b.visit("/static"), "a page that needs no session")
	st.store.down.Store(false)
	want(t, http.StatusOK, b.send(http.MethodGet, "/vault"), "without a proof")
	st.store.deaf.Store(true)
	want(t, http.StatusServiceUnavailable, b.refresh(), "noted, and not answered")
	st.store.deaf.Store(false)
	wantStatus(t, dbsc.Bound, b.visit("/vault"), "afterwards")
	thief := b.steal()
	delete(thief.jar, boundCookie)
	want(t, http.StatusForbidden, thief.visit("/vault"), "a copy")
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
