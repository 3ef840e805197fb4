// Cookieonly needs no store: what a visitor prefers travels in the cookie,
// encrypted. Nothing can be revoked so; session.NewCookieOnly says what else.
//
//	export CLOAKROOM_KEYS=$(go run ./examples/keygen)
//	go run ./examples/cookieonly
//	curl -b jar -c jar -d name=dark http://127.0.0.1:8080/theme
//	curl -b jar -c jar http://127.0.0.1:8080/
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

var theme = session.NewKey[string]("theme")

func main() {
	keys, err := session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
	if err != nil {
		log.Fatal("CLOAKROOM_KEYS: ", err)
	}
	handler, err := newHandler(keys)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newHandler(keys [][]byte) (http.Handler, error) {
	sessions, err := session.NewCookieOnly(session.Options{Keys: keys})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		name, ok := theme.Lookup(s)
		if !ok {
			name = "light"
		}
		fmt.Fprintln(w, name)
	}))
	mux.Handle("POST /theme", sessions.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if name := r.PostFormValue("name"); name == "light" || name == "dark" {
			theme.Set(s, name) // before the header: it has to fit into the cookie
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
	}))
	return http.NewCrossOriginProtection().Handler(mux), nil
}
