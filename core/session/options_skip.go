package session

import (
	"net/http"
	"path"
	"slices"
	"strings"
)

// SkipHeader returns a rule for [Options].Skip or Passive. It applies to requests that
// have a header field of this name with exactly this value on one of its lines, or
// with any value if value is "*".
//
// A client may send such a field when it likes. That gains it nothing: Get returns
// ErrSkipped, and there is no session that anything could be read from.
//
// Names are compared without regard to case, values with it. A name that is no field
// name matches nothing, and neither does Host, which net/http keeps apart.
func SkipHeader(name, value string) func(*http.Request) bool {
	name = http.CanonicalHeaderKey(name)
	return func(r *http.Request) bool {
		lines := r.Header[name]
		if value == "*" {
			return len(lines) > 0
		}
		return slices.Contains(lines, value)
	}
}

// SkipPath returns a rule for [Options].Skip or Passive. It applies to requests for one
// path, or, if pattern ends in a slash, for everything beneath it as well, as in
// http.ServeMux. The path is what Request.URL.Path holds where Manager.Handler is
// called: decoded, and without what http.StripPrefix has removed. A pattern that does
// not begin with a slash matches nothing.
//
// Routers read unusual paths differently, /static/../admin or /static%2Fadmin for
// instance. So the rule does not apply to paths that a router might take for another
// place: those that are not clean, that have unnecessary escapes, or that contain a
// percent sign, a backslash or a semicolon.
func SkipPath(pattern string) func(*http.Request) bool {
	return func(r *http.Request) bool {
		if !plain(r) {
			return false
		}
		if strings.HasSuffix(pattern, "/") {
			return strings.HasPrefix(r.URL.Path, pattern)
		}
		return r.URL.Path == pattern
	}
}

// plain reports whether every router reads r's path in the same way.
func plain(r *http.Request) bool {
	p := r.URL.Path
	return strings.HasPrefix(p, "/") &&
		r.URL.RawPath == "" && // what is sent is what Path is by default escaped to
		!strings.ContainsAny(p, `%\;`) &&
		strings.TrimSuffix(p, "/") == strings.TrimSuffix(path.Clean(p), "/")
}

// Speculative is a rule for [Options].Passive. It applies to requests that no visitor
// has made: HEAD, and what a browser prefetches or prerenders (Sec-Purpose). Such
// requests take no flash messages in any case; see [Session.Flashes].
func Speculative(r *http.Request) bool {
	if r.Method == http.MethodHead {
		return true
	}
	for _, name := range []string{"Sec-Purpose", "Purpose"} { // the latter of older browsers
		if strings.HasPrefix(r.Header.Get(name), "prefetch") { // "prefetch;prerender" as well
			return true
		}
	}
	return false
}
