package main

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var lookPattern = regexp.MustCompile(`<li><a href="([^"]+)">`)

// looks returns the paths in the history.
func (v *visitor) looks() string {
	v.t.Helper()
	var paths []string
	for _, m := range lookPattern.FindAllStringSubmatch(v.get("/history").body, -1) {
		paths = append(paths, m[1])
	}
	return strings.Join(paths, " ")
}

func TestHistoryListsPagesTheLatestFirst(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.get("/") // no session yet
	for _, path := range []string{"/products/coat", "/", "/products/hat", "/products/coat", "/cart", "/nowhere", "/products/elephant"} {
		v.get(path)
	}
	v.send(v.request(http.MethodHead, "/products/cape", "")) // HEAD is no look
	v.get("/products/hat?x=y")
	if got, want := v.looks(), "/products/hat /products/coat /"; got != want {
		t.Errorf("history %q, want %q", got, want)
	}
	v.signIn(ada)
	if got, want := v.looks(), "/products/hat /products/coat /"; got != want {
		t.Errorf("after signing in: history %q, want %q", got, want)
	}
	v.wantRedirect(v.post("/history/clear", ""), "/history")
	if got := v.looks(); got != "" {
		t.Errorf("history %q, want none", got)
	}
}

func TestHistoryIsBounded(t *testing.T) {
	t.Parallel()
	var paths []string
	for i := range 2 * maxHistory {
		paths = inFront(paths, strconv.Itoa(i))
	}
	if len(paths) != maxHistory || paths[0] != strconv.Itoa(2*maxHistory-1) {
		t.Errorf("history %q", paths)
	}
}

func TestPagesThatHaveANameExist(t *testing.T) {
	t.Parallel()
	mux := makeShop(t, settings{}).routes()
	for path := range pageNames {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, http.NoBody)
		if _, pattern := mux.Handler(r); pattern == "" {
			t.Errorf("%s has a name and no page", path)
		}
	}
}
