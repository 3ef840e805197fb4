package session_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestAnUpstreamDoesNotLearnTheTicket(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		field      string
		sent, want []string
		options    func(*session.Options)
	}{
		"alone":          {"Cookie", []string{"__Host-session=secret"}, nil, nil},
		"among others":   {"Cookie", []string{`a=1; __Host-session=secret; b="2"`}, []string{`a=1; b="2"`}, nil},
		"twice":          {"Cookie", []string{"__Host-session=secret;__Host-session=x", "c=3"}, []string{"c=3"}, nil},
		"longer names":   {"Cookie", []string{"__Host-session2=x; xHost-session=y"}, []string{"__Host-session2=x; xHost-session=y"}, nil},
		"none":           {"Cookie", nil, nil, nil},
		"a header field": {"X-Session", []string{"secret"}, nil, func(o *session.Options) { o.Header = "X-Session" }},
		"bearer": {"Authorization", []string{"Bearer secret"}, nil, func(o *session.Options) {
			o.Header = "Authorization"
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got []string
			upstream := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				got = r.Header[c.field]
			}))
			defer upstream.Close()
			to, err := url.Parse(upstream.URL)
			if err != nil {
				t.Fatal(err)
			}
			var options []func(*session.Options)
			if c.options != nil {
				options = append(options, c.options)
			}
			m := newEnv(t, options...).m
			proxy := &httputil.ReverseProxy{Rewrite: func(p *httputil.ProxyRequest) {
				p.SetURL(to)
				m.StripTicket(p.Out)
			}}
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.Header[c.field] = c.sent
			proxy.ServeHTTP(httptest.NewRecorder(), r)
			if !slices.Equal(got, c.want) {
				t.Errorf("the upstream gets %q, want %q", got, c.want)
			}
			if !slices.Equal(r.Header[c.field], c.sent) {
				t.Errorf("the incoming request has changed: %q", r.Header[c.field])
			}
		})
	}
}
