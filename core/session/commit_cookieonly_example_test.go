package session_test

import (
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Without a store, what the session holds travels in its cookie, sealed.
func ExampleNewCookieOnly() {
	language := session.NewKey[string]("language")

	sessions, err := session.NewCookieOnly(session.Options{
		Keys:   [][]byte{session.GenerateKey()}, // ParseKeys reads them from the environment
		Logger: slog.New(slog.DiscardHandler),   // what is too large is logged
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /language/{language}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		language.Set(s, r.PathValue("language"))
	}))
	mux.Handle("POST /essay", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		language.Set(s, strings.Repeat("long ", 1000)) // more than a browser keeps
	}))
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprint(w, language.Get(s))
	}))

	browse(mux, "POST /language/es", "GET /", "POST /essay", "GET /")
	// Output:
	// POST /language/es: 200
	// GET /: 200 es
	// POST /essay: 500 Something went wrong on our side.
	// GET /: 200 es
}
