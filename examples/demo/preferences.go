package main

import (
	"net/http"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// preferences are how a visitor wants the pages to be.
type preferences struct {
	Theme string `json:"theme"` // "" is auto
	News  bool   `json:"news"`  // show what is new in the shop
}

var preferencesKey = session.NewKey[preferences]("preferences")

// themes are what style.css knows; auto leaves it to the visitor's system.
var themes = []string{"auto", "light", "dark"}

func (v *visit) showPreferences() {
	v.show(http.StatusOK, "preferences", v.t("preferences.title"), struct {
		Themes    []string
		Languages []*locale
	}{themes, locales})
}

func (v *visit) setPreferences() {
	p := preferences{Theme: v.r.PostFormValue("theme"), News: v.r.PostFormValue("notifications") != ""}
	if !slices.Contains(themes, p.Theme) {
		v.fail(http.StatusBadRequest, "preferences.unknown")
		return
	}
	preferencesKey.Set(v.s, p)
	v.s.Flash("success", v.t("preferences.saved"))
	v.saved("/preferences")
}
