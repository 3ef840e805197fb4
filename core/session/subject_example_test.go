package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A page of one's devices. What a session of the list holds is read with Key.From.
func ExampleManager_List() {
	device := session.NewKey[string]("device")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login/{device}", sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		device.Set(s, r.PathValue("device"))
	}))
	mux.Handle("GET /devices", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		list, err := sessions.List(r.Context(), s.Subject())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		for info := range slices.Values(list) { // the one that was used last comes first
			name, _ := device.From(info)
			fmt.Fprintf(w, "%s (this one: %t) ", name, info.ID == s.ID())
		}
	}))

	browse(mux, "POST /login/phone")
	browse(mux, "POST /login/laptop", "GET /devices")
	// Output:
	// POST /login/phone: 200
	// POST /login/laptop: 200
	// GET /devices: 200 laptop (this one: true) phone (this one: false)
}

// From reads a value of a session that belongs to no request.
func ExampleKey_From() {
	device := session.NewKey[string]("device")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	login := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		device.Set(s, "phone")
	})
	browse(login, "POST /login")

	list, err := sessions.List(context.Background(), "account-1001")
	if err != nil {
		log.Fatal(err)
	}
	for info := range slices.Values(list) {
		name, ok := device.From(info)
		fmt.Println(name, ok)
	}
	// Output:
	// POST /login: 200
	// phone true
}

// A visitor signs one of their devices out. The subject is that of their own
// session, so that nobody ends another's.
func ExampleManager_End() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	var lost string // the id of the phone's session
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		if lost == "" {
			lost = s.ID()
		}
	}))
	mux.Handle("POST /end", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		err := sessions.End(r.Context(), s.Subject(), lost) // in a form: r.PostFormValue("device")
		switch {
		case errors.Is(err, session.ErrNotFound):
			http.Error(w, "It is signed out already.", http.StatusNotFound)
		case err != nil:
			sessions.Fail(w, r, err)
		default:
			fmt.Fprint(w, "signed out")
		}
	}))

	browse(mux, "POST /login")
	browse(mux, "POST /login", "POST /end", "POST /end")
	// Output:
	// POST /login: 200
	// POST /login: 200
	// POST /end: 200 signed out
	// POST /end: 404 It is signed out already.
}

// An account is disabled.
func ExampleManager_EndSubject() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	login := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	})
	browse(login, "POST /login")
	browse(login, "POST /login")

	// First keep the account from signing in again.
	n, err := sessions.EndSubject(context.Background(), "account-1001")
	fmt.Println(n, "ended,", err)
	// Output:
	// POST /login: 200
	// POST /login: 200
	// 2 ended, <nil>
}

// An identity provider has ended one of its sessions (OpenID Connect Back-Channel
// Logout): what began with that one ends here.
func ExampleManager_EndIf() {
	sid := session.NewKey[string]("sid")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	login := sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		sid.Set(s, r.URL.Query().Get("sid")) // the ID token's
	})
	browse(login, "POST /login?sid=a")
	browse(login, "POST /login?sid=b")

	n, err := sessions.EndIf(context.Background(), "account-1001", func(i session.Info) bool {
		at, _ := sid.From(i)
		return at == "a" // the logout token's
	})
	fmt.Println(n, "ended,", err)
	// Output:
	// POST /login?sid=a: 200
	// POST /login?sid=b: 200
	// 1 ended, <nil>
}

// Everybody has to sign in again, after a backup was restored, for instance.
func ExampleManager_EndEverybody() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	login := sessions.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(r.URL.Query().Get("account"))
	})
	browse(login, "POST /login?account=ann")
	browse(login, "POST /login?account=bob")

	n, err := sessions.EndEverybody(context.Background())
	fmt.Println(n, "ended,", err)
	// Output:
	// POST /login?account=ann: 200
	// POST /login?account=bob: 200
	// 2 ended, <nil>
}

// The password has changed: other devices have to sign in again.
func ExampleSession_EndOthers() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /password", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate(s.Subject()) // they have just proved who they are
		n, err := s.EndOthers(r.Context())
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Fprint(w, n, " other signed out")
	}))

	browse(mux, "POST /login")
	browse(mux, "POST /login", "POST /password")
	// Output:
	// POST /login: 200
	// POST /login: 200
	// POST /password: 200 1 other signed out
}
