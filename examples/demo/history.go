package main

import (
	"net/http"
	"slices"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// historyKey holds the paths of the pages that the visitor has looked at, the
// latest first.
var historyKey = session.NewKey[[]string]("history")

const maxHistory = 10

// remembered notes that the visitor looks at the page. It does not begin a
// session, and a page that says what is wrong is not worth coming back to.
//
// Not every page is remembered: it makes a write of each look. The cart can be
// looked at while the store takes no writes.
func remembered(f func(*visit)) func(*visit) {
	return func(v *visit) {
		v.shown = func() {
			if v.s.IsNew() {
				return
			}
			path := v.r.URL.Path
			historyKey.Update(v.s, func(paths []string) []string { return inFront(paths, path) })
		}
		f(v)
	}
}

// inFront puts path in front, once.
func inFront(paths []string, path string) []string {
	paths = slices.DeleteFunc(paths, func(p string) bool { return p == path })
	paths = slices.Insert(paths, 0, path)
	return paths[:min(len(paths), maxHistory)]
}

// pageNames are the titles, as keys of messages, of the pages that are
// remembered.
var pageNames = map[string]string{
	"/": "home.title", "/profile": "profile.title", "/dashboard": "dashboard.title", "/admin": "admin.title",
}

// A look is one line of the history.
type look struct{ Path, Name string }

func (v *visit) history() {
	var looks []look
	for _, path := range historyKey.Get(v.s) {
		name, ok := pageNames[path]
		if id, isProduct := strings.CutPrefix(path, "/products/"); isProduct {
			var p product
			p, ok = productByID(id)
			name = p.Name()
		}
		if ok { // a later version of the shop may not have the page
			looks = append(looks, look{path, v.t(name)})
		}
	}
	v.show(http.StatusOK, "history", v.t("history.title"), looks)
}

func (v *visit) clearHistory() {
	historyKey.Delete(v.s)
	v.redirect("/history")
}
