// Chi has sessions in its handlers: they are net/http's, and so is the middleware.
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var visits = session.NewKey[int]("visits")

func main() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: newHandler(sessions), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newHandler(sessions *session.Manager) http.Handler {
	router := chi.NewRouter()
	router.Use(http.NewCrossOriginProtection().Handler, sessions.Handler) // no other site signs anybody in or out
	router.Get("/", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r)
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visit", visits.Get(s)) //nolint:gosec // a number
	})
	// HandlerFunc takes over Get and Fail.
	router.Method(http.MethodPost, "/login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("alice") // after a look at the password
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	router.Method(http.MethodPost, "/logout", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
		w.WriteHeader(http.StatusNoContent)
	}))
	return router
}
