package session_test

import (
	"fmt"
	"log"
	"net/http"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// An identity provider names its session in the ID token, and asks later to end
// it (OpenID Connect Back-Channel Logout 1.0).
func ExampleManager_EndExternal() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /callback", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		// The application has verified the ID token here.
		s.Authenticate("account-1001")
		s.SetExternalID("issuer.example sid-08a5019c") // its iss and sid
	}))
	mux.HandleFunc("POST /backchannel-logout", func(w http.ResponseWriter, r *http.Request) {
		// The application has verified the logout token here.
		n, err := sessions.EndExternal(r.Context(), "issuer.example sid-08a5019c")
		if err != nil {
			http.Error(w, "Please try again.", http.StatusServiceUnavailable)
			return
		}
		fmt.Fprint(w, n, " ended")
	})

	browse(mux, "POST /callback")
	browse(mux, "POST /backchannel-logout", "POST /backchannel-logout")
	// Output:
	// POST /callback: 200
	// POST /backchannel-logout: 200 1 ended
	// POST /backchannel-logout: 200 0 ended
}

func ExampleSession_SetExternalID() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.Method == http.MethodPost {
			s.Authenticate("account-1001")
			s.SetExternalID("issuer.example sid-08a5019c")
		}
		fmt.Fprint(w, s.ExternalID())
	})

	browse(site, "POST /callback", "GET /")
	// Output:
	// POST /callback: 200 issuer.example sid-08a5019c
	// GET /: 200 issuer.example sid-08a5019c
}
