package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// When the password changes, sessions that were tied to the old one end, on any
// store, the next time that they are looked at.
func ExampleSession_CheckAuthHash() {
	passwordHash := "$argon2id$…old" // of account-1001, in the application's database

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		s.SetAuthHash(passwordHash)
	}))
	mux.Handle("GET /profile", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if !s.CheckAuthHash(passwordHash) {
			http.Error(w, "Please sign in.", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, s.Subject())
	}))
	mux.HandleFunc("POST /reset", func(http.ResponseWriter, *http.Request) { passwordHash = "$argon2id$…new" })

	browse(mux, "POST /login", "GET /profile", "POST /reset", "GET /profile")
	// Output:
	// POST /login: 200
	// GET /profile: 200 account-1001
	// POST /reset: 200
	// GET /profile: 403 Please sign in.
}

// The session in which the password was changed stays.
func ExampleSession_SetAuthHash() {
	passwordHash := "$argon2id$…old"

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		s.SetAuthHash(passwordHash)
	}))
	mux.Handle("POST /password", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		passwordHash = "$argon2id$…new"
		s.SetAuthHash(passwordHash)
		fmt.Fprint(w, s.CheckAuthHash(passwordHash))
	}))

	browse(mux, "POST /login", "POST /password")
	// Output:
	// POST /login: 200
	// POST /password: 200 true
}
