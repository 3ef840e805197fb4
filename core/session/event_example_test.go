package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// OnEvent writes an audit log. In production it would name the session by its
// ID as well.
func ExampleEvent() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys: [][]byte{session.GenerateKey()},
		OnEvent: func(_ context.Context, e session.Event) {
			switch e.Kind {
			case session.EventEnded:
				fmt.Printf("  %s: %v (%s)\n", e.Subject, e.Kind, e.Reason)
			case session.EventStoreError:
				fmt.Println(" ", e.Kind, e.Err)
			default:
				fmt.Printf("  %s: %v\n", e.Subject, e.Kind)
			}
		},
	})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /logout", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
	}))

	browse(mux, "POST /login", "POST /logout")
	// Output:
	//   account-1001: created
	//   account-1001: authenticated
	// POST /login: 200
	//   account-1001: ended (destroyed)
	// POST /logout: 200
}
