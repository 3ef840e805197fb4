package stores_test

import (
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

var (
	// A link in the text, or the target of a reference.
	link    = regexp.MustCompile(`\]\(([^)\s]+)[^)]*\)|(?m)^\[[^\]]+\]:\s*(\S+)`)
	heading = regexp.MustCompile(`(?m)^#+ +(.*?)\s*$`)
	fenced  = regexp.MustCompile("(?s)(^|\n)```.*?\n```")
	inline  = regexp.MustCompile("`[^`\n]*`")
)

// TestLinksInPagesLeadSomewhere follows the links within the repository, to files
// and to headings. Those that lead out of it are not fetched.
func TestLinksInPagesLeadSomewhere(t *testing.T) {
	t.Parallel()
	all := make(map[string]page)
	for _, p := range pages(t) {
		all[p.path] = p
	}
	links := 0
	for _, p := range all {
		for _, target := range p.links() {
			links++
			if why := p.broken(target, all); why != "" {
				t.Errorf("%s: the link to %s leads to %s", p.path, target, why)
			}
		}
	}
	if links < 50 {
		t.Errorf("%d links found; are they still written in this way?", links)
	}
}

func TestLinksThatLeadNowhereAreFound(t *testing.T) {
	t.Parallel()
	p := page{"docs/page.md", "# A page\n\n## Keys, and `Options`\n\n## Keys, and `Options`\n\n```\n# no heading\n```\n"}
	all := map[string]page{p.path: p}
	for target, fine := range map[string]bool{
		"#keys-and-options":          true,
		"#keys-and-options-1":        true,
		"page.md#a-page":             true,
		"../core":                    true,
		"../go.work":                 true,
		"https://go.dev/#none":       true,
		"#keys-and-options-2":        false,
		"#no-heading":                false,
		"page.md#b-page":             false,
		"none.md":                    false,
		"core":                       false,
		"../../outside-of-the-root/": false,
		"/core":                      false,
	} {
		if why := p.broken(target, all); (why == "") != fine {
			t.Errorf("%s: %q", target, why)
		}
	}
	text := "[a](b) ![c](d \"title\") `[no](code)` [`e`](f#g)\n[h]: i\n```\n[no](code)\n```\n"
	if got := strings.Join(page{text: text}.links(), " "); got != "b d f#g i" {
		t.Errorf("got the links %q", got)
	}
}

func (p page) links() (targets []string) {
	text := inline.ReplaceAllString(fenced.ReplaceAllString(p.text, ""), "code")
	for _, m := range link.FindAllStringSubmatch(text, -1) {
		targets = append(targets, m[1]+m[2])
	}
	return targets
}

// broken says where a link leads, if that is nowhere.
func (p page) broken(target string, all map[string]page) string {
	u, err := url.Parse(target)
	switch {
	case err != nil:
		return err.Error()
	case u.IsAbs():
		return ""
	}
	to := path.Join(path.Dir(p.path), u.Path)
	if u.Path == "" {
		to = p.path
	}
	if !filepath.IsLocal(filepath.FromSlash(to)) || path.IsAbs(u.Path) {
		return "a place outside of the repository"
	}
	other, ok := all[to]
	if _, err := os.Stat(filepath.Join(root, filepath.FromSlash(to))); err != nil && !ok {
		return "no file"
	}
	if u.Fragment != "" && !other.anchors()[u.Fragment] {
		return "no heading"
	}
	return ""
}

// anchors returns the names that GitHub gives to headings.
func (p page) anchors() map[string]bool {
	found := make(map[string]bool)
	for _, m := range heading.FindAllStringSubmatch(fenced.ReplaceAllString(p.text, ""), -1) {
		name := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-' || r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, m[1])
		unique := name
		for n := 1; found[unique]; n++ {
			unique = name + "-" + string(rune('0'+n))
		}
		found[unique] = true
	}
	return found
}
