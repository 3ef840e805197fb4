package session_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// answer makes a request with this handler and returns the first cookie that it
// sets.
func answer(sessions *session.Manager, f func(http.ResponseWriter, *http.Request, *session.Session)) *http.Cookie {
	w := httptest.NewRecorder()
	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/login", http.NoBody)
	sessions.HandlerFunc(f).ServeHTTP(w, r)
	return w.Result().Cookies()[0]
}

// Who ticks "remember me" stays signed in when the browser is closed, and for
// longer.
func ExampleSession_Remember() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	c := answer(sessions, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		s.Remember(30 * 24 * time.Hour)
	})
	fmt.Println(time.Duration(c.MaxAge) * time.Second)
	// Output:
	// 720h0m0s
}

// The browser keeps the cookie when it is closed. The timeouts stay as they are.
func ExampleSession_SetPersistent() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	c := answer(sessions, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		s.SetPersistent(true)
	})
	fmt.Println(time.Duration(c.MaxAge) * time.Second)
	// Output:
	// 24h0m0s
}

// An administrator's session ends sooner than others when nobody uses it.
func ExampleSession_SetIdleTimeout() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	answer(sessions, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1")
		s.SetIdleTimeout(5 * time.Minute)
		if err := s.Commit(r.Context()); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Println(time.Until(s.Expires()).Round(time.Minute))
	})
	// Output:
	// 5m0s
}

// The session ends with what an identity provider has vouched for.
func ExampleSession_SetDeadline() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	expiry := time.Now().Add(10 * time.Minute) // the ID token's exp
	answer(sessions, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
		s.SetDeadline(expiry)
		if err := s.Commit(r.Context()); err != nil {
			sessions.Fail(w, r, err)
			return
		}
		fmt.Println(s.Expires().Equal(expiry))
	})
	// Output:
	// true
}

// Policy is for the documentation, or for a page that administrators see.
func ExampleManager_Policy() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:        [][]byte{session.GenerateKey()},
		RenewEvery:  15 * time.Minute,
		MaxSessions: 5,
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Print(sessions.Policy())
	// Output:
	// ticket:           cookie __Host-session; Path=/; HttpOnly; Secure; SameSite=Lax
	// cookie lasts:     until the browser is closed
	// data:             on the server
	// idle timeout:     1h0m0s
	// absolute timeout: 24h0m0s
	// new ticket:       on authentication, and every 15m0s
	// old ticket:       good for nothing after a first login, else for 30s after the new one was used
	// sessions:         at most 5 for each subject, one more ends the oldest
	// bound to:         nothing
}
