// Tenants gives each customer's domain sessions of its own: one Manager for each host.
//
//	go run ./examples/tenants
package main

import (
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A tenant is a customer with a domain. Its keys are its own, so that no ticket of another
// tenant's verifies, and so that its sessions can be ended by a new key.
type tenant struct {
	host    string
	keys    [][]byte
	timeout time.Duration // how long its sessions may be idle
}

var visits = session.NewKey[int]("visits")

func main() {
	handler, err := site([]tenant{
		{"one.localhost", [][]byte{session.GenerateKey()}, time.Hour},
		{"two.localhost", [][]byte{session.GenerateKey()}, 10 * time.Minute},
	})
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Print("http://one.localhost:8080 and http://two.localhost:8080")
	log.Fatal(server.ListenAndServe())
}

// site answers for each tenant with its Manager, which is made once: not for each request,
// and not for a host that a client has made up.
func site(tenants []tenant) (http.Handler, error) {
	hosts := make(map[string]http.Handler)
	for _, t := range tenants {
		// A store of its own, by a prefix, a table or a folder: else EndSubject of one
		// tenant would end the sessions of another's account with the same id.
		store := memstore.New(memstore.Options{})
		sessions, err := session.New(store, session.Options{Keys: t.keys, IdleTimeout: t.timeout})
		if err != nil {
			return nil, fmt.Errorf("tenant %s: %w", t.host, err)
		}
		hosts[t.host] = sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			visits.Update(s, func(n int) int { return n + 1 })
			_, _ = fmt.Fprintf(w, "%s: %d\n", t.host, visits.Get(s)) // the visitor may be gone
		})
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := strings.ToLower(r.Host)
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		handler, ok := hosts[host]
		if !ok {
			http.Error(w, "No such site.", http.StatusMisdirectedRequest)
			return
		}
		handler.ServeHTTP(w, r)
	}), nil
}
