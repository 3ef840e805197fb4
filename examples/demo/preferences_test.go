package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestTheBrowsersLanguageIsSpoken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	for header, want := range map[string]string{
		"":                         "en",
		"fr":                       "fr",
		"fr-CA,fr;q=0.9,en;q=0.8":  "fr",
		"es-MX":                    "es",
		"ja,en;q=0.5":              "ja",
		"de":                       "en",
		"de, ja;q=0.1":             "ja",
		"xx-garbage;;q=,,":         "en",
		strings.Repeat("a-", 4000): "en",
	} {
		v := s.visitor(t)
		r := v.request(http.MethodGet, "/", "")
		r.Header.Set("Accept-Language", header)
		a := v.send(r)
		v.wantText(a, `<html lang="`+want+`"`)
		if a.header.Get("Content-Language") != want || !slices.Contains(a.header.Values("Vary"), "Accept-Language") {
			t.Errorf("%.20q: header %v", header, a.header)
		}
	}
}

func TestAChosenLanguageStays(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.wantRedirect(v.post("/language/ja", ""), "/preferences")
	v.wantText(v.get("/"), `<html lang="ja"`)
	v.signIn(ada)
	v.wantText(v.get("/profile"), "ご本人だけ")
	v.wantText(v.get("/nowhere"), "見つかりません")
	v.wantStatus(v.post("/language/xx", ""), http.StatusNotFound)
	v.wantRedirect(v.post("/logout", ""), "/")
	a := v.get("/")
	v.wantText(a, `<html lang="ja"`)
	v.wantText(a, "ログアウトしました")
}

func TestPreferencesChangeThePageAndStay(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	a := v.get("/")
	v.wantText(a, `data-theme="auto"`)
	v.wantNoText(a, `id="news"`)
	v.wantRedirect(v.post("/preferences", "theme=dark&notifications=on"), "/preferences")
	v.wantText(v.get("/preferences"), `value="dark" checked`)
	v.signIn(ada)
	for _, path := range []string{"/", "/profile", "/cart", "/nowhere"} {
		a = v.get(path)
		v.wantText(a, `data-theme="dark"`)
		v.wantText(a, `id="news"`)
	}
	v.wantRedirect(v.post("/preferences", "theme=light"), "/preferences")
	a = v.get("/")
	v.wantText(a, `data-theme="light"`)
	v.wantNoText(a, `id="news"`)
	v.wantStatus(v.post("/preferences", "theme=pink"), http.StatusBadRequest)
	v.wantStatus(v.post("/preferences", ""), http.StatusBadRequest)
	v.wantText(v.get("/"), `data-theme="light"`)
}

func TestAMissingTextIsInEnglish(t *testing.T) {
	t.Parallel()
	half := &locale{Tag: "de", texts: map[string]string{"home.title": "Willkommen"}}
	if got := half.text("home.title"); got != "Willkommen" {
		t.Errorf("a text that is there is %q", got)
	}
	if got := half.text("admin.policy"); got != "How sessions live and end" {
		t.Errorf("a text that is missing is %q", got)
	}
	if got := half.text("no.such.text"); got != "no.such.text" {
		t.Errorf("a text that is missing everywhere is %q", got)
	}
}

// Every text that a template or the program names is there, in every language,
// and has the same blanks in all of them.
func TestEveryTextIsThere(t *testing.T) {
	t.Parallel()
	english := locales[0]
	named := regexp.MustCompile(`\.T "([^"]+)"`)
	files, err := assets.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		data, err := assets.ReadFile("templates/" + f.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range named.FindAllStringSubmatch(string(data), -1) {
			if _, ok := english.texts[m[1]]; !ok {
				t.Errorf("%s: no text %q", f.Name(), m[1])
			}
		}
	}
	for _, p := range products {
		if english.text(p.About()) == p.About() || english.text(p.Name()) == p.Name() {
			t.Errorf("no text for %s", p.ID)
		}
	}
	blanks := regexp.MustCompile(`%[a-z]`)
	for _, l := range locales {
		if len(l.texts) != len(english.texts) {
			t.Errorf("%s has %d texts, want %d", l.Tag, len(l.texts), len(english.texts))
		}
		for key, want := range english.texts {
			text := l.texts[key]
			if text == "" || !slices.Equal(blanks.FindAllString(text, -1), blanks.FindAllString(want, -1)) {
				t.Errorf("%s %s is %q, and has not the blanks of %q", l.Tag, key, text, want)
			}
		}
	}
}

func TestAMessageIsShownOnce(t *testing.T) {
	t.Parallel()
	v := newSite(t).visitor(t)
	v.post("/preferences", "theme=dark")
	v.send(v.request(http.MethodHead, "/", "")) // shows nothing
	const message = "Your preferences are saved."
	v.wantText(v.get("/"), message)
	v.wantNoText(v.get("/"), message)
}
