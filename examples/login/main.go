// Login signs a visitor in and out.
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen)
//	go run ./examples/login
package main

import (
	"html/template"
	"log"
	"net/http"
	"os"
	"time"

	"golang.org/x/crypto/bcrypt"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var page = template.Must(template.New("").Parse(`<!DOCTYPE html><title>Login</title>
{{if .}}<form method="post" action="/logout">Signed in as {{.}}. <button>Sign out</button></form>
{{else}}<form method="post" action="/login">
<input name="name" value="alice"> <input name="password" type="password"> <button>Sign in</button></form>{{end}}`))

func main() {
	keys, err := session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
	if err != nil {
		log.Fatal("CLOAKROOM_KEYS: ", err)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: keys})
	if err != nil {
		log.Fatal(err)
	}
	hash, _ := bcrypt.GenerateFromPassword([]byte("correct horse"), bcrypt.DefaultCost) // an application has it in its database
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: site(sessions, hash), ReadHeaderTimeout: 5 * time.Second}
	log.Print("alice, correct horse: http://", server.Addr)
	log.Fatal(server.ListenAndServe())
}

func site(sessions *session.Manager, hash []byte) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		_ = page.Execute(w, s.Subject()) // the visitor may be gone
	}))
	mux.Handle("POST /login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		// An application slows guesses down as well: see demo/guard.go.
		wrong := bcrypt.CompareHashAndPassword(hash, []byte(r.PostFormValue("password"))) // takes as long for a name that is unknown
		if wrong != nil || r.PostFormValue("name") != "alice" {
			http.Error(w, "Name and password don't match.", http.StatusForbidden)
			return
		}
		s.Authenticate("alice") // an account's id; the session gets a new ticket, the old one is dead
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("POST /logout", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Destroy() // on the server: a copy of the cookie is worth nothing
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	return http.NewCrossOriginProtection().Handler(mux) // no other site signs anybody in or out
}
