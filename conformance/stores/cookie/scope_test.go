package cookie_test

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"testing"

	"golang.org/x/net/publicsuffix"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A jar is a client that keeps cookies in net/http/cookiejar.
type jar struct {
	tb     testing.TB
	client http.Client
}

func newJar(tb testing.TB) *jar {
	tb.Helper()
	cookies, err := cookiejar.New(&cookiejar.Options{PublicSuffixList: publicsuffix.List})
	if err != nil {
		tb.Fatal(err)
	}
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			return (&net.Dialer{}).DialContext(ctx, network, net.JoinHostPort("127.0.0.1", port))
		},
	}
	tb.Cleanup(transport.CloseIdleConnections)
	return &jar{tb, http.Client{Jar: cookies, Transport: transport}}
}

func (j *jar) Open(url string) string {
	j.tb.Helper()
	req, err := http.NewRequestWithContext(j.tb.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		j.tb.Fatal(err)
	}
	res, err := j.client.Do(req)
	if err != nil {
		j.tb.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		j.tb.Fatal(err)
	}
	_ = res.Body.Close() // it was read
	return string(body)
}

// clients are who keeps the rules about hosts, paths and schemes.
var clients = map[string]func(testing.TB) client{
	"Chromium":  func(tb testing.TB) client { tb.Helper(); return browser.New(tb) },
	"cookiejar": func(tb testing.TB) client { tb.Helper(); return newJar(tb) },
}

// Each case says where the cookie is set, and which addresses get it then and which
// don't.
var scopes = []struct {
	rule   string
	cookie session.Cookie
	set    string
	sent   []string
	not    []string
}{
	{
		rule: "the default cookie goes back to its host alone",
		set:  "https://shop.test/",
		sent: []string{"https://shop.test/", "https://shop.test/a/b?c"},
		not:  []string{"https://www.shop.test/", "https://test/", "https://myshop.test/", "https://other.test/"},
	},
	{
		rule: "the default cookie of a subdomain does not reach its parent",
		set:  "https://www.shop.test/",
		sent: []string{"https://www.shop.test/"},
		not:  []string{"https://shop.test/", "https://blog.shop.test/"},
	},
	{
		rule: "the default cookie does not travel over plain http",
		set:  "https://shop.test/",
		sent: []string{"https://shop.test/"},
		not:  []string{"http://shop.test/"},
	},
	{
		rule: "plain http does not set the default cookie",
		set:  "http://shop.test/",
		not:  []string{"http://shop.test/"},
	},
	{
		rule:   "Insecure: the cookie travels over plain http, and over https",
		cookie: session.Cookie{Insecure: true},
		set:    "http://shop.test/",
		sent:   []string{"http://shop.test/", "https://shop.test/"},
	},
	{
		rule: "the default cookie works on http://localhost",
		set:  "http://localhost/",
		sent: []string{"http://localhost/"},
	},
	{
		rule: "the default cookie works on http://127.0.0.1",
		set:  "http://127.0.0.1/",
		sent: []string{"http://127.0.0.1/"},
	},
	{
		rule:   "Domain: subdomains get the cookie",
		cookie: session.Cookie{Domain: "shop.test"},
		set:    "https://shop.test/",
		sent:   []string{"https://shop.test/", "https://www.shop.test/", "https://a.b.shop.test/"},
		not:    []string{"https://myshop.test/", "https://other.test/"},
	},
	{
		rule:   "Domain: a subdomain sets the cookie for its parent",
		cookie: session.Cookie{Domain: ".shop.test"},
		set:    "https://www.shop.test/",
		sent:   []string{"https://shop.test/", "https://blog.shop.test/"},
	},
	{
		rule:   "Domain: another site's is not accepted",
		cookie: session.Cookie{Domain: "other.test"},
		set:    "https://shop.test/",
		not:    []string{"https://shop.test/", "https://other.test/"},
	},
	{
		rule:   "Domain: a public suffix is not accepted",
		cookie: session.Cookie{Domain: "co.uk"},
		set:    "https://shop.co.uk/",
		not:    []string{"https://shop.co.uk/", "https://other.co.uk/"},
	},
	{
		rule:   "Path: what is below gets the cookie",
		cookie: session.Cookie{Path: "/cart"},
		set:    "https://shop.test/cart",
		sent:   []string{"https://shop.test/cart", "https://shop.test/cart/", "https://shop.test/cart/1"},
		not:    []string{"https://shop.test/", "https://shop.test/cartwheel", "https://shop.test/a/cart"},
	},
	{
		rule:   "Path: any page sets the cookie",
		cookie: session.Cookie{Path: "/cart"},
		set:    "https://shop.test/login",
		sent:   []string{"https://shop.test/cart/1"},
		not:    []string{"https://shop.test/login"},
	},
}

func TestWhereTheCookieGoes(t *testing.T) {
	t.Parallel()
	for name, newClient := range clients {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for _, scope := range scopes {
				t.Run(scope.rule, func(t *testing.T) {
					t.Parallel()
					s, c := open(t, scope.cookie), newClient(t)
					s.visit(c, scope.set+"?do=count")
					for _, address := range scope.sent {
						if got := s.visit(c, address).cookies; got != 1 {
							t.Errorf("%s gets %d cookies, want 1", address, got)
						}
					}
					for _, address := range scope.not {
						if got := s.visit(c, address).cookies; got != 0 {
							t.Errorf("%s gets %d cookies, want none", address, got)
						}
					}
				})
			}
		})
	}
}

func TestScriptsSeeTheCookieOnlyIfTheyAreAllowedTo(t *testing.T) {
	t.Parallel()
	for name, readable := range map[string]bool{"default": false, "ScriptReadable": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, v := open(t, session.Cookie{ScriptReadable: readable}), browser.New(t)
			s.visit(v, "https://shop.test/?do=count")
			want := ""
			if cookies := v.Cookies(); readable && len(cookies) == 1 {
				want = cookies[0].Name + "=" + cookies[0].Value
			}
			if got := browser.Eval[string](v, "document.cookie"); got != want || readable == (want == "") {
				t.Errorf("document.cookie is %q, want %q", got, want)
			}
			// Nor do they replace it: it would be the attacker's session.
			browser.Eval[string](v, `document.cookie = "__Host-session=forged; Secure; Path=/"`)
			if got := s.visit(v, "https://shop.test/"); got.cookies != 1 || readable != (got.value == "forged") {
				t.Errorf("after a script has set it, %d cookies come, the first is %q", got.cookies, got.value)
			}
		})
	}
}
