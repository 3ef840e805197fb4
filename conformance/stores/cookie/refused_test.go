package cookie_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/network"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

type options = session.Cookie

// Each case is an Options.Cookie that is refused, with the Set-Cookie line that it
// would mean, which browsers drop.
var dropped = []struct {
	name   string
	cookie options
	line   string
}{
	{"__Host- without Secure", options{Name: "__Host-s", Insecure: true}, "__Host-s=v; Path=/; HttpOnly; SameSite=Lax"},
	{
		"__Host- with Domain",
		options{Name: "__Host-s", Domain: "shop.test"},
		"__Host-s=v; Path=/; Domain=shop.test; HttpOnly; Secure; SameSite=Lax",
	},
	{"__Host- with Path", options{Name: "__Host-s", Path: "/a"}, "__Host-s=v; Path=/a; HttpOnly; Secure; SameSite=Lax"},
	{
		"__Host- in capitals",
		options{Name: "__HOST-s", Domain: "shop.test"},
		"__HOST-s=v; Path=/; Domain=shop.test; HttpOnly; Secure; SameSite=Lax",
	},
	{"__Host- in small letters", options{Name: "__host-s", Insecure: true}, "__host-s=v; Path=/; HttpOnly; SameSite=Lax"},
	{"__Secure- without Secure", options{Name: "__Secure-s", Insecure: true}, "__Secure-s=v; Path=/; HttpOnly; SameSite=Lax"},
	{"__Secure- in mixed letters", options{Name: "__sEcUrE-s", Insecure: true}, "__sEcUrE-s=v; Path=/; HttpOnly; SameSite=Lax"},
	{"__Http- readable by scripts", options{Name: "__Http-s", ScriptReadable: true}, "__Http-s=v; Path=/; Secure; SameSite=Lax"},
	{"__Http- without Secure", options{Name: "__http-s", Insecure: true}, "__http-s=v; Path=/; HttpOnly; SameSite=Lax"},
	{
		"__Host-Http- readable by scripts",
		options{Name: "__Host-Http-s", ScriptReadable: true},
		"__Host-Http-s=v; Path=/; Secure; SameSite=Lax",
	},
	{
		"SameSite=None without Secure",
		options{SameSite: http.SameSiteNoneMode, Insecure: true},
		"s=v; Path=/; HttpOnly; SameSite=None",
	},
	{"Partitioned without Secure", options{Partitioned: true, Insecure: true}, "s=v; Path=/; HttpOnly; SameSite=Lax; Partitioned"},
	{"Domain with a space", options{Domain: "shop .test"}, "s=v; Path=/; Domain=shop .test; HttpOnly; Secure; SameSite=Lax"},
	{"Name too long for any value", options{Name: long}, long + "=" + long + "; Path=/; HttpOnly; Secure; SameSite=Lax"},
}

var long = strings.Repeat("a", 4000)

func TestWhatOptionsRefuseBrowsersDrop(t *testing.T) {
	t.Parallel()
	for _, c := range dropped {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, c.cookie)
			s, v := open(t, options{}), browser.New(t)
			s.set(v, "https://shop.test/", c.line)
			for _, kept := range v.Cookies() {
				t.Errorf("the browser keeps %+v", *kept)
			}
			name, _, _ := strings.Cut(c.line, "=")
			s.set(v, "https://shop.test/", name+"=v; Path=/; HttpOnly; Secure; SameSite=Lax")
			if got := len(v.Cookies()); got != 1 {
				t.Errorf("%d cookies are kept of the name with the default attributes", got)
			}
		})
	}
}

// Each case is one that browsers keep, but not as it was asked for.
var changed = []struct {
	name   string
	cookie options
	line   string
	kept   network.Cookie // in so far
}{
	{
		"SameSite without a value",
		options{SameSite: http.SameSiteDefaultMode},
		"s=v; Path=/; HttpOnly; Secure; SameSite",
		network.Cookie{Name: "s", Domain: "shop.test", Path: "/"},
	},
	{
		"relative Path",
		options{Path: "a"},
		"s=v; Path=a; HttpOnly; Secure; SameSite=Lax",
		network.Cookie{Name: "s", Domain: "shop.test", Path: "/dir", SameSite: "Lax"},
	},
	{
		"Path with a semicolon",
		options{Path: "/a;b"},
		"s=v; Path=/a;b; HttpOnly; Secure; SameSite=Lax",
		network.Cookie{Name: "s", Domain: "shop.test", Path: "/a", SameSite: "Lax"},
	},
	{
		"Path over 1,024 bytes",
		options{Path: "/" + long},
		"s=v; Path=/" + long[:1024] + "; HttpOnly; Secure; SameSite=Lax",
		network.Cookie{Name: "s", Domain: "shop.test", Path: "/dir", SameSite: "Lax"},
	},
	{
		"Domain over 1,024 bytes",
		options{Domain: long},
		"s=v; Path=/; Domain=" + long[:1025] + "; HttpOnly; Secure; SameSite=Lax",
		network.Cookie{Name: "s", Domain: "shop.test", Path: "/", SameSite: "Lax"},
	},
	{
		"Name with a separator",
		options{Name: "a=b"},
		"a=b=v; Path=/; HttpOnly; Secure; SameSite=Lax",
		network.Cookie{Name: "a", Domain: "shop.test", Path: "/", SameSite: "Lax"},
	},
}

func TestWhatOptionsRefuseBrowsersChange(t *testing.T) {
	t.Parallel()
	for _, c := range changed {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			wantRefused(t, c.cookie)
			s, v := open(t, options{}), browser.New(t)
			s.set(v, "https://shop.test/dir/page", c.line)
			all := only(t, v)
			got := network.Cookie{Name: all.Name, Domain: all.Domain, Path: all.Path, SameSite: all.SameSite}
			if got != c.kept {
				t.Errorf("the browser keeps %+v, want %+v", got, c.kept)
			}
		})
	}
}

func wantRefused(t *testing.T, c options) {
	t.Helper()
	_, err := session.New(store, session.Options{Keys: keys, Cookie: c})
	if err == nil || !strings.Contains(err.Error(), "Options.Cookie") {
		t.Errorf("New returns %v", err)
	}
}

// A name and a value together are what a cookie-only session must keep within.
func TestNameAndValueAreAtMost4096Bytes(t *testing.T) {
	t.Parallel()
	const name = "__Host-session"
	for _, c := range []struct {
		rule       string
		size       int
		attributes string
		want       int
	}{
		{"4,096 bytes are kept", 4096, "", 1},
		{"4,097 bytes are dropped", 4097, "", 0},
		{"attributes don't count", 4096, "; Max-Age=86400; Partitioned", 1},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			s, v := open(t, options{}), browser.New(t)
			value := strings.Repeat("v", c.size-len(name))
			s.set(v, "https://shop.test/", name+"="+value+"; Path=/; HttpOnly; Secure; SameSite=Lax"+c.attributes)
			if got := len(v.Cookies()); got != c.want {
				t.Errorf("the browser keeps %d cookies, want %d", got, c.want)
			}
			if got := s.visit(v, "https://shop.test/"); got.cookies != c.want || c.want > 0 && got.value != value {
				t.Errorf("%d cookies came along, with a value of %d bytes", got.cookies, len(got.value))
			}
		})
	}
}

func TestPlainHTTPNeitherSetsNorReplacesASecureCookie(t *testing.T) {
	t.Parallel()
	s, v := open(t, options{Name: "sid"}), browser.New(t)
	s.visit(v, "http://shop.test/?do=count")
	if got := len(v.Cookies()); got != 0 {
		t.Errorf("http has set %d cookies", got)
	}
	s.visit(v, "https://shop.test/?do=count")
	before := only(t, v)
	s.set(v, "http://shop.test/", "sid=forged; Path=/; HttpOnly; SameSite=Lax")
	if after := only(t, v); after.Value != before.Value || !after.Secure {
		t.Error("http has replaced the cookie")
	}
}
