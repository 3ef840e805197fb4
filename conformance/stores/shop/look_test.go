package shop_test

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/browser"
)

func (v *visitor) wantLanguage(tag, title string) {
	v.Helper()
	v.visit("/")
	v.want("h1", title)
	if got := browser.Eval[string](v.Visitor, "document.documentElement.lang"); got != tag {
		v.Errorf("the page says that its language is %q, want %q", got, tag)
	}
}

func TestTheShopSpeaksTheBrowsersLanguage(t *testing.T) {
	t.Parallel()
	v := enter(t, openFiles(t))
	for _, c := range []struct{ asked, tag, title string }{
		{"en", "en", "Welcome"},
		{"es", "es", "Bienvenida"},
		{"fr-CA,en;q=0.5", "fr", "Bienvenue"},
		{"de,ja;q=0.5,en;q=0.1", "ja", "ようこそ"},
		{"de", "en", "Welcome"},
		{"not a language;;", "en", "Welcome"},
	} {
		v.prefers(c.asked)
		v.wantLanguage(c.tag, c.title)
	}
}

func TestAChosenLanguageStays(t *testing.T) {
	t.Parallel()
	both(t, openFiles(t), func(v *visitor, p person) {
		v.prefers("es")
		v.visit("/preferences")
		v.click("#language-" + p.language)
		v.wantAt("/preferences", 200)
		if got := v.list("#languages [aria-pressed=true]"); len(got) != 1 {
			v.Errorf("chosen are %q", got)
		}
		v.wantLanguage(p.language, p.hello)
		v.signIn(p, "/")
		v.wantLanguage(p.language, p.hello)
		v.click("#logout")
		v.wantLanguage(p.language, p.hello)
	})
}

const background = "getComputedStyle(document.body).backgroundColor"

func (v *visitor) wantBackground(want string) {
	v.Helper()
	if got := browser.Eval[string](v.Visitor, background); got != want {
		v.Errorf("%s: the background is %s, want %s", v.path(), got, want)
	}
}

// scheme makes the visitor's system light or dark.
func (v *visitor) scheme(theme string) {
	v.Helper()
	tell(v, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
}

func TestPreferencesChangeThePages(t *testing.T) {
	t.Parallel()
	both(t, openFiles(t), func(v *visitor, p person) {
		v.visit("/")
		for _, system := range []person{ada, bruno} { // what the system wants, unless somebody chooses
			v.scheme(system.theme)
			v.wantBackground(system.background)
		}
		other := map[string]string{"light": "dark", "dark": "light"}[p.theme]
		v.scheme(other)
		v.visit("/preferences")
		v.tick("#theme-" + p.theme)
		v.tick("#notifications")
		v.click("#preferences")
		v.wantAt("/preferences", 200)
		v.want(".flash", "Your preferences are saved.")
		v.signIn(p, "/cart")
		v.wantBackground(p.background)
		if got := v.read("#news"); !strings.Contains(got, "Rain is forecast") {
			v.Errorf("notifications are on, and the page says %q", got)
		}

		v.visit("/preferences")
		v.tick("#theme-auto")
		v.tick("#notifications")
		v.click("#preferences")
		v.scheme(p.theme)
		v.wantBackground(p.background)
		v.scheme(other)
		if got := browser.Eval[string](v.Visitor, background); got == p.background {
			v.Error("the theme is still the one that was chosen")
		}
		if v.sees("#news") {
			v.Error("notifications are off, and the page shows them")
		}
	})
}

func TestAMessageIsShownOnce(t *testing.T) {
	t.Parallel()
	bothBy(t, openFiles(t), enterWhole, func(v *visitor, p person) {
		v.signIn(p, "/profile")
		v.want(".flash", "Welcome, "+p.name+".")
		v.visit("/profile") // again
		v.visit("/")
		if got := v.list(".flash"); len(got) > 0 {
			v.Errorf("the next page says %q", got)
		}
		v.GoBack()
		v.Await(`location.pathname === "/profile" && document.readyState === "complete"`)
		if got := v.list(".flash"); len(got) > 0 {
			v.Errorf("the page before says %q", got)
		}
	})
}
