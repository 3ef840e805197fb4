package session_test

import (
	"fmt"
	"log"
	"net/http"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func ExampleKey() {
	// Keys are usually package variables. Any type that the codec can encode
	// will do.
	type preferences struct{ Theme, Language string }
	key := session.NewKey[preferences]("preferences")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		switch r.URL.Path {
		case "/set":
			key.Set(s, preferences{Theme: "dark", Language: "es"})
		case "/get":
			fmt.Fprintf(w, "%+v", key.Get(s)) // the zero value if there is none
		case "/delete":
			key.Delete(s)
		}
	})

	browse(site, "GET /get", "POST /set", "GET /get", "POST /delete", "GET /get")
	// Output:
	// GET /get: 200 {Theme: Language:}
	// POST /set: 200
	// GET /get: 200 {Theme:dark Language:es}
	// POST /delete: 200
	// GET /get: 200 {Theme: Language:}
}

// Lookup tells a value that is zero from one that is not there.
func ExampleKey_Lookup() {
	volume := session.NewKey[int]("volume")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.Method == http.MethodPost {
			volume.Set(s, 0)
			return
		}
		if v, ok := volume.Lookup(s); ok {
			fmt.Fprint(w, "volume ", v)
		} else {
			fmt.Fprint(w, "volume not chosen")
		}
	})

	browse(site, "GET /", "POST /mute", "GET /")
	// Output:
	// GET /: 200 volume not chosen
	// POST /mute: 200
	// GET /: 200 volume 0
}

// Update builds on the value that is there, also when another request of the
// same visitor changes it at the same moment. Get and Set would lose one of the
// two changes.
func ExampleKey_Update() {
	visits := session.NewKey[int]("visits")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprint(w, visits.Get(s))
	})

	browse(site, "GET /", "GET /", "GET /")
	// Output:
	// GET /: 200 1
	// GET /: 200 2
	// GET /: 200 3
}

// Pop takes a value out, for what is shown once.
func ExampleKey_Pop() {
	notice := session.NewKey[string]("notice")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if r.Method == http.MethodPost {
			notice.Set(s, "Saved.")
			http.Redirect(w, r, "/", http.StatusSeeOther)
			return
		}
		if text, ok := notice.Pop(s); ok {
			fmt.Fprint(w, text, " ")
		}
		fmt.Fprint(w, "Your settings.")
	})

	browse(site, "POST /settings", "GET /", "GET /")
	// Output:
	// POST /settings: 303
	// GET /: 200 Saved. Your settings.
	// GET /: 200 Your settings.
}

func ExampleSession_Names() {
	size, colour := session.NewKey[string]("size"), session.NewKey[string]("colour")

	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	site := sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		size.Set(s, "XL")
		colour.Set(s, "green")
		fmt.Fprintln(w, strings.Join(s.Names(), ", "), s.Has("size"))
		s.Clear()
		fmt.Fprint(w, len(s.Names()), " ", s.Has("size"))
	})

	browse(site, "GET /")
	// Output:
	// GET /: 200 colour, size true
	// 0 false
}
