package cookie_test

import (
	"maps"
	"testing"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A widget is the shop in a frame of other sites' pages, for a visitor. Where it is
// "", it is a page by itself.
type widget struct {
	s *shop
	v *browser.Visitor
}

// in shows the widget in a page of another site, and returns what came along.
func (w widget) in(site, address string) visit {
	w.s.tb.Helper()
	if site == "" {
		return w.s.visit(w.v, address)
	}
	w.s.visit(w.v, site)
	return w.s.ask(w.v, frame, address)
}

// partitions returns how many cookies the browser has under each top-level site.
func (w widget) partitions() map[string]int {
	w.s.tb.Helper()
	found := make(map[string]int)
	for _, c := range w.v.Cookies() {
		if c.PartitionKey == nil {
			found["none"]++
		} else {
			found[c.PartitionKey.TopLevelSite]++
		}
	}
	return found
}

func TestInOtherSitesFramesTheDefaultCookieIsNotSet(t *testing.T) {
	t.Parallel()
	for rule, c := range map[string]session.Cookie{"Lax": lax, "Strict": strict} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w := widget{open(t, c), browser.New(t)}
			w.in("https://blog.test/", "https://shop.test/?do=count")
			if got := w.partitions(); len(got) > 0 {
				t.Errorf("the browser keeps cookies: %v", got)
			}
		})
	}
}

func TestAPartitionedCookieIsAnotherUnderEachTopLevelSite(t *testing.T) {
	t.Parallel()
	for rule, block := range map[string]bool{
		"third-party cookies are allowed": false,
		"third-party cookies are blocked": true,
	} {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			w := widget{open(t, partitioned), browser.New(t)}
			if block {
				w.v.BlockThirdPartyCookies()
			}
			sites := []string{"https://blog.test/", "https://news.test/", ""}
			values := make(map[string]string)
			for _, site := range sites {
				if got := w.in(site, "https://shop.test/?do=count").cookies; got != 0 {
					t.Errorf("in %q, %d cookies came along the first time", site, got)
				}
				got := w.in(site, "https://shop.test/?do=count")
				if n := counter.Get(got.session); got.cookies != 1 || n != 2 {
					t.Errorf("in %q, %d cookies came along the second time, and the count is %d", site, got.cookies, n)
				}
				values[got.value] = site
			}
			if len(values) != len(sites) {
				t.Errorf("%d sessions, want %d", len(values), len(sites))
			}

			want := map[string]int{"https://blog.test": 1, "https://news.test": 1, "https://shop.test": 1}
			if got := w.partitions(); !maps.Equal(got, want) {
				t.Errorf("the browser has %v, want %v", got, want)
			}
			if got := w.in("https://www.blog.test/", "https://shop.test/").cookies; got != 1 {
				t.Errorf("another host of the same top-level site gets %d cookies", got)
			}
		})
	}
}

func TestDestroyInAFrameDeletesThatPartitionsCookieOnly(t *testing.T) {
	t.Parallel()
	w := widget{open(t, partitioned), browser.New(t)}
	w.in("https://blog.test/", "https://shop.test/?do=count")
	w.in("https://news.test/", "https://shop.test/?do=count")
	w.in("https://blog.test/", "https://shop.test/?do=logout")
	if got, want := w.partitions(), map[string]int{"https://news.test": 1}; !maps.Equal(got, want) {
		t.Errorf("the browser has %v, want %v", got, want)
	}
	if got := w.in("https://news.test/", "https://shop.test/"); got.cookies != 1 || got.session.IsNew() {
		t.Error("the session in the other site's frame has ended")
	}
}

func TestWhereThirdPartyCookiesAreBlockedOnlyPartitionedWorksInAFrame(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cookie session.Cookie
		want   int
	}{
		{"None", none, 0},
		{"Partitioned", partitioned, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := widget{open(t, c.cookie), browser.New(t)}
			w.v.BlockThirdPartyCookies()
			w.in("https://blog.test/", "https://shop.test/?do=count")
			if got := w.in("https://blog.test/", "https://shop.test/").cookies; got != c.want {
				t.Errorf("%d cookies came along, want %d", got, c.want)
			}
		})
	}
}
