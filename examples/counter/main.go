// Counter counts a visitor's visits.
//
//	go run ./examples/counter
//	curl -b jar -c jar http://127.0.0.1:8080/
package main

import (
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

var visits = session.NewKey[int]("visits")

func main() {
	handler, err := newHandler(memstore.New(memstore.Options{}))
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Print("counting on http://", server.Addr)
	log.Fatal(server.ListenAndServe())
}

func newHandler(store session.Store) (http.Handler, error) {
	sessions, err := session.New(store, session.Options{
		Keys: [][]byte{session.GenerateKey()}, // good for as long as sessions in memory; see login for one that lasts
	})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 }) // two visits at the same moment both count
		fmt.Fprintln(w, "visit", visits.Get(s))            // what has changed is saved before this leaves
	}))
	return mux, nil
}
