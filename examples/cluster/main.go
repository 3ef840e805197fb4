// Cluster keeps sessions in a Redis Cluster.
//
//	CLOAKROOM_KEYS=$(go run ./examples/keygen) go run ./examples/cluster 10.0.0.1:6379 10.0.0.2:6379
package main

import (
	"fmt"
	"log"
	"net/http"
	"os"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/session"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

var visits = session.NewKey[int]("visits")

func main() {
	keys, err := session.ParseKeys(os.Getenv("CLOAKROOM_KEYS"))
	if err != nil {
		log.Fatal("CLOAKROOM_KEYS: ", err)
	}
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: os.Args[1:], // some of the nodes; they name the others
		// No ReadOnly, RouteByLatency or RouteRandomly: a replica may not know yet
		// that a session has ended, and the store refuses to ask one.
	})
	handler, err := newHandler(client, keys)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

func newHandler(client *redis.ClusterClient, keys [][]byte) (http.Handler, error) {
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: "shop:session:"})
	if err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	sessions, err := session.New(store, session.Options{Keys: keys})
	if err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	return sessions.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
		fmt.Fprintln(w, "visit", visits.Get(s))
	}), nil
}
