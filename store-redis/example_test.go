package redisstore_test

import (
	"log"
	"net/http"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/session"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

func Example() { //nolint:testableexamples // needs a server
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:                 []string{"localhost:6379"},
		ContextTimeoutEnabled: true, // calls keep to deadlines, and cost less
	})
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: "shop:session:"})
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	visits := session.NewKey[int]("visits")
	http.Handle("/", sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		visits.Update(s, func(n int) int { return n + 1 })
	}))
}

// Several addresses make a client of a Cluster, MasterName one of what Sentinel
// watches over.
func ExampleNew_sentinel() { //nolint:testableexamples // needs servers
	client := redis.NewUniversalClient(&redis.UniversalOptions{
		Addrs:      []string{"sentinel-1:26379", "sentinel-2:26379", "sentinel-3:26379"},
		MasterName: "sessions",
	})
	if _, err := redisstore.New(client, redisstore.Options{}); err != nil {
		log.Fatal(err)
	}
}
