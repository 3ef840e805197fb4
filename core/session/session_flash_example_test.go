package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A message that one request leaves is shown by the next page, once.
func ExampleSession_Flashes() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /profile", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Flash("success", "Your profile was saved.")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		messages, err := s.Flashes(r.Context())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		for _, m := range messages {
			fmt.Fprintf(w, "[%s] %s", m.Category, m.Message)
		}
	}))

	browse(mux, "POST /profile", "GET /", "GET /")
	// Output:
	// POST /profile: 303
	// GET /: 200 [success] Your profile was saved.
	// GET /: 200
}

// Categories that one part of a page shows are left for the others.
func ExampleSession_Flash() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /order", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Flash("success", "Thank you for your order.")
		s.Flash("error", "The voucher has expired.")
	}))
	mux.Handle("GET /{category}", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		messages, err := s.Flashes(r.Context(), r.PathValue("category"))
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, messages)
	}))

	browse(mux, "POST /order", "GET /error", "GET /error", "GET /success")
	// Output:
	// POST /order: 200
	// GET /error: 200 [{error The voucher has expired.}]
	// GET /error: 200 []
	// GET /success: 200 [{success Thank you for your order.}]
}
