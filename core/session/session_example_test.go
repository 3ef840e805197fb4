package session_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// Authenticate gives the visitor a new ticket, so that one which somebody else
// had planted or seen before opens nothing. What was in the cart stays there.
func ExampleSession_Authenticate() {
	cart := session.NewKey[string]("cart")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /cart", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		cart.Set(s, "umbrella")
	}))
	mux.Handle("POST /login", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		// The application has checked name and password here.
		s.Authenticate("account-1001") // an id that never changes, rather than a name
		http.Redirect(w, r, "/profile", http.StatusSeeOther)
	}))
	mux.Handle("GET /profile", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() == "" {
			http.Error(w, "Please sign in.", http.StatusForbidden)
			return
		}
		fmt.Fprint(w, s.Subject(), " with ", cart.Get(s))
	}))

	browse(mux, "POST /cart", "GET /profile", "POST /login", "GET /profile")
	// Output:
	// POST /cart: 200
	// GET /profile: 403 Please sign in.
	// POST /login: 303
	// GET /profile: 200 account-1001 with umbrella
}

// What is set after Destroy belongs to a new session.
func ExampleSession_Destroy() {
	notice := session.NewKey[string]("notice")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /logout", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Destroy()
		notice.Set(s, "Goodbye!")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	mux.Handle("GET /", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		text, _ := notice.Pop(s)
		fmt.Fprintf(w, "signed in: %t %s", s.Subject() != "", text)
	}))

	browse(mux, "POST /login", "GET /", "POST /logout", "GET /", "GET /")
	// Output:
	// POST /login: 200
	// GET /: 200 signed in: true
	// POST /logout: 303
	// GET /: 200 signed in: false Goodbye!
	// GET /: 200 signed in: false
}

// A handler that goes on after its first bytes have left saves its changes
// itself. The first Commit, while the header is still here, makes sure that the
// visitor has a ticket.
func ExampleSession_Commit() {
	progress := session.NewKey[int]("progress")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	stream := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		for part := 1; part <= 3; part++ {
			progress.Set(s, part)
			if err := s.Commit(r.Context()); err != nil {
				if part == 1 { // nothing has been sent
					sessions.Fail(w, r, err)
				}
				return // ErrNotFound, for instance: the visitor has signed out in another tab
			}
			fmt.Fprintf(w, "part %d, ", part)
			if err := http.NewResponseController(w).Flush(); err != nil {
				return
			}
		}
	}
	mux := http.NewServeMux()
	mux.Handle("GET /stream", sessions.HandlerFunc(stream))
	mux.Handle("GET /progress", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		fmt.Fprint(w, progress.Get(s))
	}))

	browse(mux, "GET /stream", "GET /progress")
	// Output:
	// GET /stream: 200 part 1, part 2, part 3,
	// GET /progress: 200 3
}

// With Commit, a handler answers a failure in its own words.
func ExampleSession_Commit_error() {
	draft := session.NewKey[string]("draft")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:    [][]byte{session.GenerateKey()},
		MaxSize: 1 << 10,
	})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		draft.Set(s, fmt.Sprintf("%2000s", "a long text"))
		err := s.Commit(r.Context())
		switch {
		case errors.Is(err, session.ErrTooLarge):
			draft.Delete(s)
			http.Error(w, "The draft is too long.", http.StatusRequestEntityTooLarge)
		case err != nil:
			sessions.Fail(w, r, err)
		}
	})

	browse(site, "POST /draft")
	// Output:
	// POST /draft: 413 The draft is too long.
}

// Renew is for a change of what a visitor may do, other than by signing in. The
// privilege itself is not in the session: it is looked up by s.Subject().
func ExampleSession_Renew() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("POST /login", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("account-1001")
	}))
	mux.Handle("POST /admin", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Renew() // the account has been made an administrator's
	}))

	first := httptest.NewRecorder()
	mux.ServeHTTP(first, httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/login", http.NoBody))
	before := first.Result().Cookies()[0]

	r := httptest.NewRequestWithContext(context.Background(), http.MethodPost, "/admin", http.NoBody)
	r.AddCookie(before)
	second := httptest.NewRecorder()
	mux.ServeHTTP(second, r)
	after := second.Result().Cookies()[0]

	fmt.Println("same name:", before.Name == after.Name)
	fmt.Println("same ticket:", before.Value == after.Value)
	// Output:
	// same name: true
	// same ticket: false
}

// A stream looks now and then whether the session has ended, and what has changed.
func ExampleSession_Reload() {
	unread := session.NewKey[int]("unread")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	// follow is called for each tick of the stream, and reports whether to go on.
	follow := func(w http.ResponseWriter, r *http.Request, s *session.Session) bool {
		err := s.Reload(r.Context())
		switch {
		case errors.Is(err, session.ErrNotFound), errors.Is(err, session.ErrRetired):
			return false // signed out, or the browser has a newer ticket and connects again
		case err != nil:
			return true // the store can't answer; that is no logout
		}
		fmt.Fprintf(w, "%d unread, ", unread.Get(s))
		return true
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.Method == http.MethodPost {
			s.Authenticate("account-1001")
			unread.Set(s, 3)
			return
		}
		follow(w, r, s)
		if _, err := sessions.EndSubject(r.Context(), s.Subject()); err != nil { // somewhere else
			log.Print(err)
		}
		fmt.Fprint(w, "goes on: ", follow(w, r, s))
	})

	browse(site, "POST /login", "GET /stream")
	// Output:
	// POST /login: 200
	// GET /stream: 200 3 unread, goes on: false
}

// ID names a session in logs, where its ticket must never be.
func ExampleSession_ID() {
	visits := session.NewKey[int]("visits")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	var seen []string
	site := sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		seen = append(seen, s.ID())
	})

	browse(site, "GET /", "GET /")
	fmt.Println("same id:", seen[0] == seen[1])
	// Output:
	// GET /: 200
	// GET /: 200
	// same id: true
}
