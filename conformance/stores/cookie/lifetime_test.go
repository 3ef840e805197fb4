package cookie_test

import (
	"math"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// only returns the one cookie that the browser has.
func only(t *testing.T, v *browser.Visitor) *network.Cookie {
	t.Helper()
	cookies := v.Cookies()
	if len(cookies) != 1 {
		t.Fatalf("the browser has %d cookies, want 1", len(cookies))
	}
	return cookies[0]
}

const day = 24 * time.Hour

// It is sent once, and so reaches to the last end that the session can have.
func TestAPersistentCookieLastsUntilItsSessionsLastEnd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name           string
		idle, absolute time.Duration
		want           time.Duration
	}{
		{"defaults", 0, 0, session.DefaultAbsoluteTimeout},
		{"no absolute timeout: as long as browsers keep it", 30 * day, session.NoTimeout, 400 * day},
		{"400 days", session.NoTimeout, 400 * day, 400 * day},
		{"1,000 days, of which browsers keep 400", session.NoTimeout, 1000 * day, 400 * day},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s, v := open(t, session.Cookie{}), browser.New(t)
			s.configure(session.Options{
				Cookie: session.Cookie{Persistent: true}, IdleTimeout: c.idle, AbsoluteTimeout: c.absolute,
			})
			start := time.Now()
			began := s.visit(v, "https://shop.test/?do=count").session.Started()
			cookie := only(t, v)
			if cookie.Session {
				t.Fatal("it is a browser-session cookie")
			}
			wantExpiry(t, cookie, began.Add(c.want), start)
		})
	}
}

// wantExpiry tells whether a browser forgets a cookie when it should. The cookie may
// outlive that by the time from the commit, which was after start, to the browser's
// reading of the response: Max-Age counts from there.
func wantExpiry(t *testing.T, cookie *network.Cookie, want, start time.Time) {
	t.Helper()
	if got := expiry(cookie).Sub(want); got < -2*time.Second || got > time.Since(start)+time.Second {
		t.Errorf("the browser forgets it at %v, %v after %v", expiry(cookie), got, want)
	}
}

func expiry(c *network.Cookie) time.Time {
	seconds, fraction := math.Modf(c.Expires)
	return time.Unix(int64(seconds), int64(fraction*1e9))
}

func TestABrowserSessionCookieHasNoExpiry(t *testing.T) {
	t.Parallel()
	s, v := open(t, session.Cookie{}), browser.New(t)
	s.visit(v, "https://shop.test/?do=count")
	if c := only(t, v); !c.Session || c.Expires >= 0 {
		t.Errorf("it expires at %v", expiry(c))
	}
}

func TestTheBrowsersExpiryStaysWhenTheSessionIsExtended(t *testing.T) {
	t.Parallel()
	for _, how := range []string{"?do=count", ""} { // by a write, by a read
		t.Run("request "+how, func(t *testing.T) {
			t.Parallel()
			s, v := open(t, session.Cookie{Persistent: true}), browser.New(t)
			s.visit(v, "https://shop.test/?do=count")
			before := only(t, v)
			// Nobody waits for time to pass: sessions live longer from now on.
			s.configure(session.Options{Cookie: session.Cookie{Persistent: true}, IdleTimeout: 3 * time.Hour})
			s.visit(v, "https://shop.test/"+how)
			if after := only(t, v); after.Expires != before.Expires || after.Value != before.Value {
				t.Errorf("the cookie was sent again: the browser forgets it at %v, before at %v", expiry(after), expiry(before))
			}
		})
	}
}

func TestDestroyDeletesTheCookieInEveryConfiguration(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cookie session.Cookie
		host   string
	}{
		{"default", session.Cookie{}, "https://shop.test"},
		{"Name", session.Cookie{Name: "sid"}, "https://shop.test"},
		{"Name with __Http-", session.Cookie{Name: "__Http-sid"}, "https://shop.test"},
		{"Domain", session.Cookie{Domain: "shop.test"}, "https://shop.test"},
		{"Domain, from a subdomain", session.Cookie{Domain: "shop.test"}, "https://www.shop.test"},
		{"Path", session.Cookie{Path: "/cart"}, "https://shop.test"},
		{"Strict", strict, "https://shop.test"},
		{"None", none, "https://shop.test"},
		{"Partitioned", partitioned, "https://shop.test"},
		{"Partitioned and Domain", session.Cookie{
			SameSite: http.SameSiteNoneMode, Partitioned: true, Domain: "shop.test",
		}, "https://shop.test"},
		{"Persistent", session.Cookie{Persistent: true}, "https://shop.test"},
		{"Insecure", session.Cookie{Insecure: true}, "http://shop.test"},
		{"default on localhost", session.Cookie{}, "http://localhost"},
		{"ScriptReadable", session.Cookie{ScriptReadable: true}, "https://shop.test"},
		{"everything", session.Cookie{
			Name: "__Secure-all", Domain: "shop.test", Path: "/cart", SameSite: http.SameSiteNoneMode,
			Persistent: true, Partitioned: true, ScriptReadable: true,
		}, "https://www.shop.test"},
	} {
		for name, newClient := range clients {
			t.Run(c.name+"/"+name, func(t *testing.T) {
				t.Parallel()
				s, client := open(t, c.cookie), newClient(t)
				s.visit(client, c.host+"/cart/1?do=count")
				if got := s.visit(client, c.host+"/cart/1?do=logout").cookies; got != 1 {
					t.Fatalf("%d cookies before", got)
				}
				if got := s.visit(client, c.host+"/cart/1").cookies; got != 0 {
					t.Errorf("%d cookies came along afterwards", got)
				}
				if v, ok := client.(*browser.Visitor); ok && len(v.Cookies()) > 0 {
					t.Errorf("the browser still has %+v", *v.Cookies()[0])
				}
			})
		}
	}
}

func TestAuthenticateReplacesTheCookie(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]session.Cookie{
		"default": {}, "Domain and Path": {Domain: "shop.test", Path: "/cart"}, "Partitioned": partitioned,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v, thief := open(t, c), browser.New(t), browser.New(t)
			s.visit(v, "https://shop.test/cart/?do=count")
			old := only(t, v)
			if got := s.visit(v, "https://shop.test/cart/?do=login"); got.cookies != 1 || got.value != old.Value {
				t.Fatal("the cookie did not come along")
			}
			if got := only(t, v).Value; got == old.Value {
				t.Error("the browser has the old value")
			}
			if got := s.visit(v, "https://shop.test/cart/"); got.session.Subject() != "ann" || counter.Get(got.session) != 1 {
				t.Errorf("the session is %q's, and the count %d", got.session.Subject(), counter.Get(got.session))
			}
			s.give(thief, old)
			if got := s.visit(thief, "https://shop.test/cart/"); got.value != old.Value || got.session.Subject() != "" ||
				counter.Get(got.session) != 0 {
				t.Error("the old value is good for the session")
			}
		})
	}
}

func TestVisitorsAreStrangersToEachOther(t *testing.T) {
	t.Parallel()
	s, ann, bob := open(t, session.Cookie{}), browser.New(t), browser.New(t)
	for range 3 {
		s.visit(ann, "https://shop.test/?do=count")
	}
	if got := s.visit(bob, "https://shop.test/?do=count").cookies; got != 0 {
		t.Errorf("%d cookies came along with the other's first visit", got)
	}
	for name, c := range map[*browser.Visitor]int{ann: 3, bob: 1} {
		if got := counter.Get(s.visit(name, "https://shop.test/").session); got != c {
			t.Errorf("the count is %d, want %d", got, c)
		}
	}
}
