package memcachestore_test

import (
	"log"
	"net/http"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/session"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
)

func Example() { //nolint:testableexamples // needs a server
	client := memcache.New("10.0.0.1:11211", "10.0.0.2:11211")
	client.MaxIdleConns = 100
	store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: "shop:session:"})
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
