package device_test

import (
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/dbsc"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// briefly is how long a cookie lives that a test waits for. It is good for half as long
// again, so that a slow machine has time for the request after a refresh.
const briefly = 10 * time.Second

func TestChromiumBindsALogin(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	if told := s.told(); !slices.Equal(told, []int{http.StatusOK, http.StatusOK}) {
		t.Errorf("binding a login takes a registration and a proof: %v", told)
	}
	before := value(v)
	forget(s, v)
	s.wantBound(v, "ann", "without a cookie")
	if now := value(v); now == "" || now == before || s.count(dbsc.EventRefreshed) == 0 {
		t.Errorf("the cookie was %q, is %q, %d refreshes", before, now, s.count(dbsc.EventRefreshed))
	}
}

func TestChromiumTakesAnOfferFromARedirect(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	v.Open(s.url("/redirect/ann"))
	s.until("the browser binds the login", func() bool { v.Open(s.url("/")); return s.count(dbsc.EventBound) > 0 })
	s.wantBound(v, "ann", "after a redirect")
}

// TestACopiedCookieJarIsRefusedInAnotherProfile: after some time, in which the visitor's
// own browser goes on.
func TestACopiedCookieJarIsRefusedInAnotherProfile(t *testing.T) {
	t.Parallel()
	s := open(t, briefly)
	ann, thief := browser.NewWhole(t), browser.NewWhole(t)
	s.signIn(ann, "ann")
	copyTo(s, ann, thief)
	thief.Open(s.url("/"))
	s.until("the copy is refused", func() bool {
		s.wantBound(ann, "ann", "meanwhile")
		return s.vault(thief) == http.StatusForbidden
	})
	for range 3 {
		if status := s.vault(thief); status != http.StatusForbidden {
			t.Errorf("the copy once more: %d", status)
		}
	}
	if s.count(dbsc.EventRequestRefused) == 0 {
		t.Error("nobody was told")
	}
	if got := thief.Open(s.url("/")); got != "ann unproven" {
		t.Errorf("the session has ended: %q", got)
	}
	s.wantBound(ann, "ann", "the visitor")
}

func TestTheCookieIsRefreshedWhenItHasRunOut(t *testing.T) {
	t.Parallel()
	s := open(t, briefly)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	for range 2 {
		s.until("the cookie runs out", func() bool { return value(v) == "" })
		s.wantBound(v, "ann", "afterwards")
	}
}

// TestAnOutageDuringARefreshLosesNothing: the server can't answer, or can't be reached.
func TestAnOutageDuringARefreshLosesNothing(t *testing.T) {
	t.Parallel()
	for name, what := range map[string]trouble{"503": unavailable, "connections are cut": cut} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t, dbsc.DefaultLifetime)
			v := browser.NewWhole(t)
			s.signIn(v, "ann")
			forget(s, v)
			s.trouble.Store(int32(what))
			for range 3 {
				if status := s.vault(v); status == http.StatusOK || status == http.StatusForbidden {
					t.Errorf("during the outage: %d", status)
				}
			}
			s.trouble.Store(int32(none))
			// The browser may wait before it asks a server again that has failed.
			s.until("the browser is back", func() bool { return s.vault(v) == http.StatusOK })
			s.wantBound(v, "ann", "after the outage")
			if value(v) == "" {
				t.Error("no cookie")
			}
		})
	}
}

// TestARefreshThatIsTornLosesNothing: the browser has the cookie, or asks again.
func TestARefreshThatIsTornLosesNothing(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	forget(s, v)
	s.trouble.Store(int32(torn))
	v.Open(s.url("/"))
	s.trouble.Store(int32(none))
	for range 2 {
		forget(s, v)
		s.until("the browser is back", func() bool { return s.vault(v) == http.StatusOK })
		s.wantBound(v, "ann", "afterwards")
	}
}

func TestACookieThatRunsOutOfflineIsRefreshedAfterwards(t *testing.T) {
	t.Parallel()
	s := open(t, briefly)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	s.trouble.Store(int32(cut))
	s.until("the cookie runs out", func() bool { return value(v) == "" })
	if status := s.vault(v); status != 0 {
		t.Errorf("offline: %d", status)
	}
	s.trouble.Store(int32(none))
	s.until("the browser is back", func() bool { return s.vault(v) == http.StatusOK })
	s.wantBound(v, "ann", "online again")
}

func TestNewKeysKeepABinding(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	s.opts.Keys = [][]byte{session.GenerateKey(), s.opts.Keys[0]}
	s.start(dbsc.DefaultLifetime)
	s.wantBound(v, "ann", "with both keys")
	s.wantBound(v, "ann", "with a new ticket")
	s.opts.Keys = s.opts.Keys[:1]
	s.start(dbsc.DefaultLifetime)
	s.wantBound(v, "ann", "with the new key")
	forget(s, v)
	s.wantBound(v, "ann", "refreshed")
}

func TestTenTabsAtOnceAllGetIn(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	tabs := []*browser.Visitor{v}
	for range 9 {
		tab := v.Tab()
		tab.Open(s.url("/"))
		tabs = append(tabs, tab)
	}
	for range 3 {
		forget(s, v)
		statuses := make([]int, len(tabs))
		var wg sync.WaitGroup
		for i, tab := range tabs {
			wg.Go(func() { statuses[i] = s.vault(tab) })
		}
		wg.Wait()
		for i, status := range statuses {
			if status != http.StatusOK {
				t.Errorf("tab %d: %d", i, status)
			}
		}
	}
	if n := s.count(dbsc.EventRequestRefused); n != 0 {
		t.Errorf("%d requests were refused", n)
	}
}

// TestALinkFromAnotherSiteLeadsIn: the browser refreshes nothing for that, and does when
// the answer has it ask once more.
func TestALinkFromAnotherSiteLeadsIn(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	forget(s, v)
	v.Open("https://elsewhere.test:" + s.port + "/link")
	v.Do(chromedp.Click(chromedp.CSS("a")))
	v.Await(`document.body && document.body.innerText === "ann bound"`)
	if n := s.count(dbsc.EventRequestRefused); n != 0 {
		t.Errorf("%d requests were refused", n)
	}
}

// TestSigningOutEndsTheBinding: the browser asks once more, learns that there is nothing to
// refresh, and asks no more.
func TestSigningOutEndsTheBinding(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.signIn(v, "ann")
	v.Open(s.url("/logout"))
	forget(s, v)
	if got := v.Open(s.url("/vault")); got != "unbound" {
		t.Errorf("signed out: %q", got)
	}
	told := s.told()
	if last := told[len(told)-1]; last != http.StatusNotFound {
		t.Errorf("the browser was told %d", last)
	}
	v.Open(s.url("/vault"))
	if now := s.told(); len(now) != len(told) {
		t.Errorf("the browser asks on: %v", now)
	}
	s.signIn(v, "bob")
}

// TestWhoSignsInOnceMoreGetsABindingOfTheirOwn signs in without signing out, as the same or as
// somebody else.
func TestWhoSignsInOnceMoreGetsABindingOfTheirOwn(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	for _, who := range []string{"ann", "ann", "bob"} {
		s.signIn(v, who)
		forget(s, v)
		s.wantBound(v, who, "refreshed")
		v.Open(s.url("/renew"))
		s.wantBound(v, who, "with a new ticket")
	}
}

// TestARegistrationThatIsTornLocksNobodyOut: the browser has the header of the answer, and
// its cookies, and knows nothing of a key.
func TestARegistrationThatIsTornLocksNobodyOut(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	s.trouble.Store(int32(torn))
	v.Open(s.url("/login/ann"))
	s.until("the browser registers", func() bool { return len(s.told()) > 0 })
	s.trouble.Store(int32(none))
	v.Open(s.url("/")) // with the cookies that it has got
	forget(s, v)
	if got, status := v.Open(s.url("/vault")), s.vault(v); got != "ann unbound" || status != http.StatusOK {
		t.Errorf("%q, status %d", got, status)
	}
	s.signIn(v, "ann")
}

// TestAnOutageDuringARegistrationLeavesTheLoginUnbound, and the next one is bound.
func TestAnOutageDuringARegistrationLeavesTheLoginUnbound(t *testing.T) {
	t.Parallel()
	s := open(t, dbsc.DefaultLifetime)
	v := browser.NewWhole(t)
	failed := make(chan struct{}, 10)
	s.mu.Lock()
	site := s.site
	s.site = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == dbsc.DefaultPath {
			w.WriteHeader(http.StatusServiceUnavailable)
			failed <- struct{}{}
			return
		}
		site.ServeHTTP(w, r)
	})
	s.mu.Unlock()
	v.Open(s.url("/login/ann"))
	<-failed
	s.mu.Lock()
	s.site = site
	s.mu.Unlock()
	if got := v.Open(s.url("/vault")); got != "ann unbound" {
		t.Errorf("unbound: %q", got)
	}
	s.signIn(v, "ann")
}
