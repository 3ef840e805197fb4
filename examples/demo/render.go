package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/csrf"
	"github.com/cloakroom-go/cloakroom/core/session"
)

//go:embed templates static
var assets embed.FS

// templates holds each page within the layout. What it puts into a page is
// escaped for the place where it stands.
type templates map[string]*template.Template

var pageFiles = []string{
	"admin", "cart", "checkout", "confirm", "dashboard", "devices", "error", "history", "home", "login", "password",
	"preferences", "product", "profile",
}

func parseTemplates(protection *csrf.Protection) (templates, error) {
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"csrfField":   protection.Field, // a hidden field with the session's token
		"euros":       euros,
		"maxQuantity": func() int { return maxQuantity },
		"when":        func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") },
		"machine":     func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	})
	if _, err := layout.ParseFS(assets, "templates/layout.html"); err != nil {
		return nil, fmt.Errorf("templates: %w", err)
	}
	pages := make(templates)
	for _, name := range pageFiles {
		p, err := layout.Clone()
		if err == nil {
			pages[name], err = p.ParseFS(assets, "templates/"+name+".html")
		}
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
	}
	return pages, nil
}

// A page is what a template gets.
type page struct {
	Title       string
	Locale      *locale
	Request     *http.Request
	Customer    *account // nil: nobody is signed in, or it isn't known
	Actor       *account // an administrator who acts as Customer, or has done so; nil: nobody
	Preferences preferences
	Items       int // in the cart
	Flashes     []session.Flash
	Body        any
}

// T returns a text in the page's language.
func (p page) T(key string, args ...any) string { return p.Locale.text(key, args...) }

// Theme is the one that the visitor has chosen.
func (p page) Theme() string {
	if p.Preferences.Theme == "" {
		return themes[0]
	}
	return p.Preferences.Theme
}

// render makes the whole page, so that nobody is sent a part of one.
func (t templates) render(name string, p page) ([]byte, error) {
	var b bytes.Buffer
	if err := t[name].Execute(&b, p); err != nil {
		return nil, fmt.Errorf("page: %w", err)
	}
	return b.Bytes(), nil
}

// writeHeader begins a page.
func writeHeader(w http.ResponseWriter, l *locale, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", l.Tag)
	h.Add("Vary", "Accept-Language")
	h.Set("Cache-Control", "no-store") // nor shown by the back button after signing out
	w.WriteHeader(status)
}

// static answers with a file of the shop's own look.
func static(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, assets, "static/"+r.PathValue("file")) //nolint:gosec // refuses "..", and nothing lies outside assets
}
