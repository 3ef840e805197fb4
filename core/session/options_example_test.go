package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Every field has a default but Keys.
func ExampleOptions() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:            [][]byte{session.GenerateKey()}, // ParseKeys reads them from the environment
		IdleTimeout:     30 * time.Minute,
		AbsoluteTimeout: 12 * time.Hour,
		Cookie:          session.Cookie{Persistent: true, SameSite: http.SameSiteStrictMode},
	})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewKey[int]("visits")
	site := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
	})

	w := httptest.NewRecorder()
	site.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", http.NoBody))
	c := w.Result().Cookies()[0]
	fmt.Println(c.Name, c.Path, c.MaxAge)
	fmt.Println("Secure:", c.Secure, "HttpOnly:", c.HttpOnly, "SameSite=Strict:", c.SameSite == http.SameSiteStrictMode)
	// Output:
	// __Host-session / 43200
	// Secure: true HttpOnly: true SameSite=Strict: true
}

// A page that polls says how long the session will last, and does not make it longer.
func ExampleOptions_passive() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:    [][]byte{session.GenerateKey()},
		Passive: []func(*http.Request) bool{session.SkipPath("/status"), session.Speculative},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("GET /status", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprint(w, "you will be signed out in ", time.Until(s.Expires()).Round(time.Minute))
	}))

	browse(mux, "POST /login", "GET /status")
	// Output:
	// POST /login: 200
	// GET /status: 200 you will be signed out in 1h0m0s
}

// With a Sealer, whoever reads the store learns whose session it is, and none of its
// values.
func ExampleOptions_sealer() {
	key := session.GenerateKey() // ParseKeys reads it from the environment
	sealer, err := session.NewSealer(key)
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{key}, Sealer: sealer})
	if err != nil {
		log.Fatal(err)
	}
	for line := range strings.Lines(sessions.Policy()) {
		if strings.HasPrefix(line, "data") {
			fmt.Print(line)
		}
	}
	// Output:
	// data:             on the server, sealed
}

// ErrorHandler shows a failure in the application's own look.
func ExampleOptions_errorHandler() {
	sessions, err := session.New(unreachable{}, session.Options{
		Keys: [][]byte{session.GenerateKey()},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			status := session.StatusCode(err)
			if status == http.StatusServiceUnavailable {
				w.Header().Set("Retry-After", "10")
			}
			http.Error(w, "Our cloakroom is closed for a moment.", status)
		},
		Logger: slog.New(slog.DiscardHandler), // the failure is logged
	})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewKey[int]("visits")
	site := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, "Welcome!") // not sent: the visit has not been saved
	})

	browse(site, "GET /")
	// Output:
	// GET /: 503 Our cloakroom is closed for a moment.
}

// unreachable is a store that can't save.
type unreachable struct{ session.Store }

func (unreachable) Create(context.Context, string, sessionstore.Record) error {
	return errors.New("connection refused")
}

func (unreachable) Delete(context.Context, string) error { return errors.New("no answer") }
