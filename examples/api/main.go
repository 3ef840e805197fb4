// Api is for clients that are no browsers: the ticket travels as a bearer token.
//
//	go run ./examples/api
//	TOKEN=$(curl -sX POST http://127.0.0.1:8080/token)
//	curl -H "Authorization: Bearer $TOKEN" -d 'text=buy milk' http://127.0.0.1:8080/notes
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var notes = session.NewKey[[]string]("notes")

// What a client fills has an end.
const (
	maxNote  = 500 // bytes
	maxNotes = 100 // the latest
)

func main() {
	sessions, err := session.New(memstore.New(memstore.Options{}), session.Options{
		Keys:   [][]byte{session.GenerateKey()}, // good for as long as sessions in memory
		Header: "Authorization",
	})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: api(sessions), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func api(sessions *session.Manager) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("POST /token", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("device-1")          // an API has checked credentials first; see login
		token, err := s.Ticket(r.Context()) // saved by now
		if err != nil {
			sessions.Fail(w, r, err)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		fmt.Fprint(w, token)
	}))
	mux.Handle("POST /notes", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Subject() == "" { // no token, or one that is not good any more
			w.Header().Set("WWW-Authenticate", "Bearer")
			http.Error(w, "no valid token", http.StatusUnauthorized)
			return
		}
		text := r.PostFormValue("text")
		if text == "" || len(text) > maxNote || !utf8.ValidString(text) {
			http.Error(w, "no note, or too long", http.StatusBadRequest)
			return
		}
		notes.Update(s, func(list []string) []string {
			list = append(list, text)
			return list[max(0, len(list)-maxNotes):]
		})
		fmt.Fprint(w, notes.Get(s))
	}))
	mux.Handle("DELETE /token", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Destroy()
	}))
	return mux
}
