package shop_test

import (
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

// problems is a script whose value lists what keeps somebody from reading or using
// the page.
//
//go:embed testdata/problems.js
var problems string

// wantUsable tells what is wrong with the page.
func (v *visitor) wantUsable(name string) {
	v.Helper()
	if found := v.problems(); len(found) > 0 {
		v.Errorf("%s:\n%s", name, strings.Join(found, "\n"))
	}
}

func (v *visitor) problems() []string {
	v.Helper()
	v.Do(chromedp.KeyEvent(kb.Tab)) // what is focused from now on shows it
	return browser.Eval[[]string](v.Visitor, problems)
}

func TestProblemsOfAPageAreFound(t *testing.T) {
	t.Parallel()
	v := &visitor{TB: t, Visitor: browser.New(t)}
	v.pretendFocus()
	for _, c := range []struct{ body, want string }{
		{`<h1>Fine</h1><p>Text</p><label>Name <input></label>`, ""},
		{`<h1>Wide</h1><div style="width: 200vw">Text</div>`, "wide, the window"},
		{`<h1>Over</h1><div style="overflow: hidden"><div style="width: 200vw">Text</div></div>`, "beyond the edge"},
		{`<h1>Pale</h1><p style="color: #999">Text</p>`, "contrast 2.85"},
		{`<h1>Dark</h1><div style="background: #222"><p>Text</p></div>`, "contrast 1.3"},
		{`<h1>Anonymous</h1><input>`, "without a name: input"},
		{`<h1>Tiny</h1><button style="font-size: 8px; padding: 0; border: 0">Go</button>`, "is small: button"},
		{`<h1>Blind</h1><a href="#" style="outline: none">Go</a>`, "does not show its focus: a"},
		{`<h1>Faint</h1><a href="#" style="outline-color: #ccc">Go</a>`, "hardly shows its focus: a"},
		{`<h1>One</h1><h1>Two</h1>`, "2 headings"},
		{`<h1>Twice</h1><p id="a">A</p><p id="a">A</p>`, "#a is there twice"},
		{`<h1>Lost</h1><p aria-describedby="b">A</p>`, "names #b"},
	} {
		port := browser.Serve(t, false, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			fmt.Fprint(w, "<!doctype html><style>input { height: 2em } :focus-visible { outline: 2px solid }</style>", c.body)
		}))
		v.Open("http://127.0.0.1:" + port)
		found := v.problems()
		if c.want == "" && len(found) > 0 || c.want != "" && !strings.Contains(strings.Join(found, "\n"), c.want) {
			t.Errorf("%s: found %q, want %q", c.body, found, c.want)
		}
	}
}
