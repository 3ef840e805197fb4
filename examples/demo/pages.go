package main

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

//go:embed templates static
var assets embed.FS

// templates holds each page within the layout.
var templates = parseTemplates("home", "login", "profile", "cart", "error")

func parseTemplates(names ...string) map[string]*template.Template {
	layout := template.New("layout.html").Funcs(template.FuncMap{
		"maxQuantity": func() int { return maxQuantity },
		"euros":       func(cents int) string { return fmt.Sprintf("€ %d.%02d", cents/100, cents%100) },
		"when":        func(t time.Time) string { return t.Format("2 January 2006, 15:04:05 MST") },
	})
	layout = template.Must(layout.ParseFS(assets, "templates/layout.html"))
	pages := make(map[string]*template.Template, len(names))
	for _, name := range names {
		pages[name] = template.Must(template.Must(layout.Clone()).ParseFS(assets, "templates/"+name+".html"))
	}
	return pages
}

// A page is what the layout needs to know.
type page struct {
	Title    string
	Customer *account // nil: nobody is signed in, or it isn't known
	Items    int      // in the cart
	Notice   string
	Body     any
}

// noticeKey holds a message for the next page that is shown, once.
var noticeKey = session.NewKey[string]("notice")

// show answers with a page for the visitor of the session.
func (sh *shop) show(w http.ResponseWriter, s *session.Session, status int, name, title string, body any) {
	notice, _ := noticeKey.Pop(s)
	write(w, status, name, page{
		Title:    title,
		Customer: sh.customer(s),
		Items:    cartKey.Get(s).items(),
		Notice:   notice,
		Body:     body,
	})
}

// fail answers with a page that needs no session.
func fail(w http.ResponseWriter, status int, message string) {
	write(w, status, "error", page{Title: http.StatusText(status), Body: message})
}

// unavailable answers when a session can't be loaded or saved. The visitor is
// not signed out: the next request finds everything as it was.
func unavailable(w http.ResponseWriter, _ *http.Request, err error) {
	status := session.StatusCode(err)
	if status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "5")
		fail(w, status, "The cloakroom can't be reached right now. Your things are safe: please try again in a moment.")
		return
	}
	fail(w, status, "Something went wrong on our side.")
}

// write answers with a page, or, if it can't be made, with an error instead of a
// part of it.
func write(w http.ResponseWriter, status int, name string, p page) {
	var b bytes.Buffer
	if err := templates[name].Execute(&b, p); err != nil {
		slog.Error("demo: page can't be made", "page", name, "error", err)
		http.Error(w, "Something went wrong on our side.", http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store") // nor shown by the back button after signing out
	w.WriteHeader(status)
	_, _ = b.WriteTo(w) // the visitor may be gone
}

// static answers with a file of the shop's own look.
func static(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "max-age=300")
	http.ServeFileFS(w, r, assets, "static/"+r.PathValue("file")) //nolint:gosec // refuses "..", and nothing lies outside assets
}
