package session_test

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// HandlerFunc hands the session over, or answers that the store has failed.
func ExampleManager_HandlerFunc() {
	name := session.NewKey[string]("name")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /name/{name}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		name.Set(s, r.PathValue("name"))
	}))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprintf(w, "Hello, %s!", name.Get(s))
	}))

	browse(mux, "POST /name/Ada", "GET /")
	// Output:
	// POST /name/Ada: 200
	// GET /: 200 Hello, Ada!
}

// Handler stands around a whole site. Handlers in it that need the session call Get.
func ExampleManager_Handler() {
	name := session.NewKey[string]("name")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /name/{name}", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r)
		if err != nil { // the store can't answer
			sessions.Fail(w, r, err)
			return
		}
		name.Set(s, r.PathValue("name"))
	})
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		s, err := sessions.Get(r)
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprintf(w, "Hello, %s!", name.Get(s))
	})
	site := sessions.Handler(mux) // for http.ListenAndServe(":8080", site)

	browse(site, "POST /name/Ada", "GET /")
	// Output:
	// POST /name/Ada: 200
	// GET /: 200 Hello, Ada!
}

// Fail answers that the store has failed, in the place of what the handler wrote.
func ExampleManager_Fail() {
	draft := session.NewKey[string]("draft")

	sessions, err := session.New(unreachable{}, session.Options{
		Keys:   [][]byte{session.GenerateKey()},
		Logger: slog.New(slog.DiscardHandler), // the failure is logged
	})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		draft.Set(s, "a text")
		if err := s.Commit(r.Context()); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, "Saved.")
	})

	browse(site, "POST /draft")
	// Output:
	// POST /draft: 503 Temporarily unavailable. Please try again in a moment.
}
