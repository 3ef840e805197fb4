// Accounts keeps several accounts signed in side by side in one browser: one Manager, and
// so one cookie, for each place, and a page that switches between them.
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen)
//	go run ./examples/accounts
package main

import (
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"slices"
	"strconv"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// places are how many accounts a browser holds at the same time. A page's address names
// the place, so that two tabs show two accounts: /u/0/, /u/1/, /u/2/.
const places = 3

// names are who can sign in.
var names = []string{"alice", "bob", "carol"}

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Accounts</title>
<p>Here: {{or .Here "nobody"}}</p>
<ul>{{range $place, $who := .All}}<li><a href="/u/{{$place}}/">{{or $who "another account"}}</a></li>{{end}}</ul>
{{if .Here}}<form method="post" action="logout"><button>Sign out here</button></form>
{{else}}<form method="post" action="login"><input name="name" value="alice"> <button>Sign in here</button></form>{{end}}`))

func main() {
	keys, err := session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
	if err != nil {
		log.Fatal("CLOAKROOM_KEYS: ", err)
	}
	handler, err := site(memstore.New(memstore.Options{}), keys)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Print("http://", server.Addr)
	log.Fatal(server.ListenAndServe())
}

// A browser's accounts, by place. They share a store and keys: a ticket is signed for one
// cookie's name, and is worth nothing in another's.
type accounts [places]*session.Manager

func site(store session.Store, keys [][]byte) (http.Handler, error) {
	var all accounts
	for place := range all {
		var err error
		all[place], err = session.New(store, session.Options{
			Keys:   keys,
			Cookie: session.Cookie{Name: fmt.Sprintf("__Host-account-%d", place)},
		})
		if err != nil {
			return nil, err
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", http.RedirectHandler("/u/0/", http.StatusSeeOther))
	mux.HandleFunc("GET /u/{place}/{$}", all.show)
	mux.HandleFunc("POST /u/{place}/login", all.signIn)
	mux.HandleFunc("POST /u/{place}/logout", all.signOut)
	var handler http.Handler = mux
	for _, sessions := range all { // each within the other; one that nobody asks costs nothing
		handler = sessions.Handler(handler)
	}
	return http.NewCrossOriginProtection().Handler(handler), nil
}

// here returns the session of the place that the address names. Without one, the visitor
// has been answered.
func (a *accounts) here(w http.ResponseWriter, r *http.Request) *session.Session {
	place, err := strconv.Atoi(r.PathValue("place"))
	if err != nil || place < 0 || place >= places {
		http.NotFound(w, r)
		return nil
	}
	s, err := a[place].Get(r)
	if err != nil {
		a[place].Fail(w, r, err)
		return nil
	}
	return s
}

func (a *accounts) show(w http.ResponseWriter, r *http.Request) {
	s := a.here(w, r)
	if s == nil {
		return
	}
	var all [places]string
	for place, sessions := range a {
		other, err := sessions.Get(r)
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		all[place] = other.Subject()
	}
	_ = page.Execute(w, map[string]any{"Here": s.Subject(), "All": all}) // the visitor may be gone
}

func (a *accounts) signIn(w http.ResponseWriter, r *http.Request) {
	s := a.here(w, r)
	if s == nil {
		return
	}
	name := r.PostFormValue("name")
	if !slices.Contains(names, name) { // a real one looks at the password
		http.Error(w, "Nobody has this name.", http.StatusForbidden)
		return
	}
	s.Authenticate(name) // an account's id, and nothing that a guest has made up
	http.Redirect(w, r, ".", http.StatusSeeOther)
}

func (a *accounts) signOut(w http.ResponseWriter, r *http.Request) {
	if s := a.here(w, r); s != nil {
		s.Destroy()
		http.Redirect(w, r, ".", http.StatusSeeOther)
	}
}
