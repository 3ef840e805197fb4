package session_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestSkipHeaderComparesNameAndValue(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		name, value string
		header      http.Header
		want        bool
	}{
		"the value":               {"X-Probe", "yes", http.Header{"X-Probe": {"yes"}}, true},
		"the name in other case":  {"x-probe", "yes", http.Header{"X-Probe": {"yes"}}, true},
		"the value in other case": {"X-Probe", "yes", http.Header{"X-Probe": {"Yes"}}, false},
		"another value":           {"X-Probe", "yes", http.Header{"X-Probe": {"yes, no"}}, false},
		"one of several lines":    {"X-Probe", "yes", http.Header{"X-Probe": {"no", "yes"}}, true},
		"another field":           {"X-Probe", "yes", http.Header{"X-Other": {"yes"}}, false},
		"any value":               {"X-Probe", "*", http.Header{"X-Probe": {"no"}}, true},
		"any value, an empty one": {"X-Probe", "*", http.Header{"X-Probe": {""}}, true},
		"any value, absent":       {"X-Probe", "*", http.Header{"X-Other": {"*"}}, false},
		"the empty value":         {"X-Probe", "", http.Header{"X-Probe": {""}}, true},
		"the empty value, absent": {"X-Probe", "", http.Header{}, false},
		"no name":                 {"", "*", http.Header{"X-Probe": {"yes"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
			r.Header = c.header
			if got := session.SkipHeader(c.name, c.value)(r); got != c.want {
				t.Errorf("%v: skipped %v, want %v", c.header, got, c.want)
			}
		})
	}
}

func TestSkipPathSkipsThePathOrWhatIsBeneath(t *testing.T) {
	t.Parallel()
	for pattern, paths := range map[string]struct{ skipped, kept string }{
		"/healthz": {"/healthz /healthz?x=/admin", "/ /healthz/ /healthz/x /healthz2 /Healthz //healthz"},
		"/static/": {"/static/ /static/app.js /static/a/b/ /static/a%20b /static/.hidden /static/..a", "/ /static /staticx /admin/static/"},
		"/a b/":    {"/a%20b/c", "/a+b/c"},
		"/":        {"/ /x", "* //"},
		"static/":  {"", "/static/ /static/x"},
		"static":   {"", "/static"},
		"":         {"", "/ * /x"},
		"*":        {"", "* /"},
		"/x/../":   {"", "/ /x/ /x/../ /x/../y"},
	} {
		skip := session.SkipPath(pattern)
		for target := range strings.FieldsSeq(paths.skipped) {
			if !skip(get(t, target)) {
				t.Errorf("%q: %s is not skipped", pattern, target)
			}
		}
		for target := range strings.FieldsSeq(paths.kept) {
			if skip(get(t, target)) {
				t.Errorf("%q: %s is skipped", pattern, target)
			}
		}
	}
}

func TestSkipPathKeepsWhatRoutersReadInDifferentWays(t *testing.T) {
	t.Parallel()
	skip := session.SkipPath("/static/")
	for _, target := range []string{
		"/static/../admin", "/static/..", "/static/.", "/static/./x", "/static//x", "/static/x//", "//static/x", "/./static/x",
		"/admin/../static/x", "/static/%2e%2e/admin", "/static/%2E%2E%2Fadmin", "/static/..%2fadmin", "/static%2Fadmin", "/static/%2Fadmin",
		"/%73tatic/x", "/static/%252e%252e/admin", "/static/100%25",
		"/static/..%5cadmin", "/static/..%5Cadmin", "/static/x;y", "/static/..;/admin", "/static/%3b",
	} {
		if skip(get(t, target)) {
			t.Errorf("%s is skipped", target)
		}
	}
}

func get(tb testing.TB, target string) *http.Request {
	tb.Helper()
	return httptest.NewRequestWithContext(tb.Context(), http.MethodGet, target, http.NoBody)
}

// What is skipped is served by http.ServeMux beneath the same pattern.
func FuzzSkipPath(f *testing.F) {
	for _, seed := range []string{
		"/static/x", "/static/../admin", "/static%2fx", "/static/%2e%2e/x", "/static//x", "//static/x", "/static", "/static/a%20b",
		"/static/..;/x",
	} {
		f.Add(seed)
	}
	mux := http.NewServeMux()
	mux.Handle("/static/", http.NotFoundHandler())
	mux.Handle("/", http.NotFoundHandler())
	skip := session.SkipPath("/static/")
	f.Fuzz(func(t *testing.T, target string) {
		r := get(t, "/")
		u, err := r.URL.Parse(target)
		if err != nil {
			t.Skip()
		}
		r.URL = u
		if _, pattern := mux.Handler(r); skip(r) && pattern != "/static/" {
			t.Errorf("%q is skipped, and goes to %q", target, pattern)
		}
	})
}
