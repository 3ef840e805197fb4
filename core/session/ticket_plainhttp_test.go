package session_test

import (
	"crypto/tls"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestACookieThatBrowsersDropIsSaidOnce(t *testing.T) {
	t.Parallel()
	at := func(url string, change ...func(*http.Request)) *http.Request {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, url, http.NoBody)
		for _, f := range change {
			f(r)
		}
		return r
	}
	field := func(name, value string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set(name, value) }
	}
	insecure := func(o *session.Options) { o.Cookie.Insecure = true }
	header := func(o *session.Options) { o.Header = "X-Session" }
	for name, c := range map[string]struct {
		r       *http.Request
		options []func(*session.Options)
		drops   bool
	}{
		"another host":         {at("http://shop.example/"), nil, true},
		"its port":             {at("http://192.168.1.5:8080/"), nil, true},
		"an http page's form":  {at("http://shop.example/", field("Origin", "http://shop.example")), nil, true},
		"a proxy without TLS":  {at("http://shop.example/", field("X-Forwarded-Proto", "http")), nil, true},
		"localhost":            {at("http://localhost:8080/"), nil, false},
		"below localhost":      {at("http://shop.localhost/"), nil, false},
		"loopback":             {at("http://127.0.0.1:8080/"), nil, false},
		"loopback, IPv6":       {at("http://[::1]:8080/"), nil, false},
		"TLS":                  {at("https://shop.example/", func(r *http.Request) { r.TLS = &tls.ConnectionState{} }), nil, false},
		"a TLS proxy":          {at("http://shop.example/", field("X-Forwarded-Proto", "https")), nil, false},
		"TLS at the first":     {at("http://shop.example/", field("X-Forwarded-Proto", "https, http")), nil, false},
		"TLS at the second":    {at("http://shop.example/", field("X-Forwarded-Proto", "http, https")), nil, true},
		"a TLS proxy, RFC7239": {at("http://shop.example/", field("Forwarded", `for=192.0.2.1;Proto="https"`)), nil, false},
		"a browser trusts it":  {at("http://10.0.0.1/", field("Sec-Fetch-Site", "same-origin")), nil, false},
		"an https page's form": {at("http://10.0.0.1/", field("Origin", "https://shop.example")), nil, false},
		"Insecure":             {at("http://shop.example/"), []func(*session.Options){insecure}, false},
		"a header field":       {at("http://shop.example/"), []func(*session.Options){header}, false},
	} {
		e := newEnv(t, c.options...)
		if got := e.m.BrowserDropsCookie(c.r); got != c.drops {
			t.Errorf("%s: BrowserDropsCookie: %v", name, got)
		}
		for range 3 {
			e.m.HandlerFunc(count)(httptest.NewRecorder(), c.r)
		}
		want := 0
		if c.drops {
			want = 1
		}
		if got := strings.Count(e.logs.String(), "browsers drop"); got != want {
			t.Errorf("%s: said %d times, want %d: %s", name, got, want, e.logs)
		}
	}
}
