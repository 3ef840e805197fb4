package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
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
