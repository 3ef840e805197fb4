package session_test

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// What a session that was left open must not show asks for the password again.
func ExampleManager_RequireFresh() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /password", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		// The application has checked the password here.
		s.Reauthenticate()
	}))
	settings := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "settings") })
	ask := http.RedirectHandler("/password", http.StatusSeeOther)
	mux.Handle("POST /settings", sessions.RequireFresh(time.Nanosecond, settings, ask)) // in life, some minutes
	mux.Handle("POST /profile", sessions.RequireFresh(5*time.Minute, settings, ask))

	browse(mux, "POST /login", "POST /settings", "POST /password", "POST /profile")
	// Output:
	// POST /login: 200
	// POST /settings: 303
	// POST /password: 200
	// POST /profile: 200 settings
}

// Fresh is RequireFresh as a call.
func ExampleSession_Fresh() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.URL.Path == "/login" {
			s.Authenticate("account-1001")
			return
		}
		fmt.Fprint(w, "fresh: ", s.Fresh(5*time.Minute))
	})

	browse(site, "GET /", "POST /login", "GET /")
	// Output:
	// GET /: 200 fresh: false
	// POST /login: 200
	// GET /: 200 fresh: true
}

// A second factor opens the vault, for a quarter of an hour.
func ExampleManager_RequireStepUp() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /code", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		// The application has checked the code here.
		s.StepUp("second factor", 15*time.Minute)
	}))
	vault := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "vault") })
	ask := http.RedirectHandler("/code", http.StatusSeeOther)
	mux.Handle("POST /vault", sessions.RequireStepUp("second factor", vault, ask))

	browse(mux, "POST /login", "POST /vault", "POST /code", "POST /vault")
	// Output:
	// POST /login: 200
	// POST /vault: 303
	// POST /code: 200
	// POST /vault: 200 vault
}

func ExampleSession_StepUp() {
	const level = "second factor"

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		switch r.URL.Path {
		case "/login":
			s.Authenticate("account-1001")
		case "/code":
			s.StepUp(level, 15*time.Minute)
		case "/lock":
			s.StepDown(level)
		}
		fmt.Fprint(w, s.SteppedUp(level))
	})

	browse(site, "POST /login", "POST /code", "POST /lock")
	// Output:
	// POST /login: 200 false
	// POST /code: 200 true
	// POST /lock: 200 false
}
