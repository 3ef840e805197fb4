package session_test

import (
	"errors"
	"fmt"
	"log"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// With MaxSessions, a login above the limit ends the oldest one.
func ExampleOptions_maxSessions() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:        [][]byte{session.GenerateKey()},
		MaxSessions: 2,
	})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		if err := s.Commit(r.Context()); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		list, err := sessions.List(r.Context(), s.Subject())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, len(list), " signed in")
	})

	for range 3 {
		browse(site, "POST /login")
	}
	// Output:
	// POST /login: 200 1 signed in
	// POST /login: 200 2 signed in
	// POST /login: 200 2 signed in
}

// With RefuseNew, a login above the limit is refused. Whoever wants to say more
// than a plain 403 commits in the handler.
func ExampleOptions_refuseNew() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:        [][]byte{session.GenerateKey()},
		MaxSessions: 1,
		RefuseNew:   true,
	})
	if err != nil {
		log.Fatal(err)
	}
	login := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		err := s.Commit(r.Context())
		switch {
		case errors.Is(err, session.ErrTooManySessions):
			http.Error(w, "Please sign out on your other device first.", http.StatusForbidden)
		case err != nil:
			sessions.Fail(w, r, err)
		}
	})

	browse(login, "POST /login")
	browse(login, "POST /login")
	// Output:
	// POST /login: 200
	// POST /login: 403 Please sign out on your other device first.
}
