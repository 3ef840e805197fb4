package main

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A locale is a language and the shop's texts in it.
type locale struct {
	Tag, Name string
	texts     map[string]string
}

//go:embed locales
var localeFiles embed.FS

// locales are the languages of the shop. The first one has every text, and stands
// in for what others lack.
var locales = []*locale{
	newLocale("en", "English"), newLocale("es", "Español"), newLocale("fr", "Français"), newLocale("ja", "日本語"),
}

func newLocale(tag, name string) *locale {
	l := &locale{Tag: tag, Name: name}
	data, err := localeFiles.ReadFile("locales/" + tag + ".json")
	if err == nil {
		err = json.Unmarshal(data, &l.texts)
	}
	if err != nil {
		panic(err) // the program is not complete
	}
	return l
}

// text returns a text with its blanks filled in, in English if there is none in
// the language.
func (l *locale) text(key string, args ...any) string {
	text, ok := l.texts[key]
	if !ok {
		text, ok = locales[0].texts[key]
	}
	switch {
	case !ok:
		return key
	case len(args) == 0:
		return text
	}
	return fmt.Sprintf(text, args...)
}

// matcher finds the best language for what a browser asks for.
var matcher = func() language.Matcher {
	tags := make([]language.Tag, len(locales))
	for i, l := range locales {
		tags[i] = language.MustParse(l.Tag)
	}
	return language.NewMatcher(tags)
}()

// asked returns the locale that the browser prefers, English if it doesn't say.
func asked(r *http.Request) *locale {
	fields := strings.Join(r.Header.Values("Accept-Language"), ",") // several mean the same as one list (RFC 9110, 5.3)
	_, i := language.MatchStrings(matcher, fields)
	return locales[i]
}

// languageKey holds the language that the visitor has chosen.
var languageKey = session.NewKey[string]("language")

// localeOf returns the locale that the visitor has chosen, or that the browser
// asks for.
func localeOf(r *http.Request, s *session.Session) *locale {
	if l := localeByTag(languageKey.Get(s)); l != nil {
		return l
	}
	return asked(r)
}

func localeByTag(tag string) *locale {
	for _, l := range locales {
		if l.Tag == tag {
			return l
		}
	}
	return nil
}

func (v *visit) setLanguage() {
	l := localeByTag(v.r.PathValue("lang"))
	if l == nil {
		v.fail(http.StatusNotFound, "error.language")
		return
	}
	languageKey.Set(v.s, l.Tag)
	v.saved("/preferences")
}
