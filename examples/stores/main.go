// Stores counts visits in the store that a flag names; demo knows them all.
//
//	go run ./examples/stores -store redis://localhost:6379
//	go run ./examples/stores -store memcache://localhost:11211
package main

import (
	"flag"
	"fmt"
	"log"
	"net/http"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

func main() {
	name := flag.String("store", "memory:", "memory:, file:FOLDER, redis://HOST:PORT or memcache://HOST:PORT")
	flag.Parse()
	store, err := open(*name)
	if err != nil {
		log.Fatal(err)
	}
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}}) // see login for a key that lasts
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: sessions.HandlerFunc(count), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

var visits = session.NewKey[int]("visits")

func count(w http.ResponseWriter, _ *http.Request, s *session.Session) {
	visits.Update(s, func(n int) int { return n + 1 })
	fmt.Fprintln(w, "visit", visits.Get(s))
}

func open(name string) (session.Store, error) {
	switch kind, place, _ := strings.Cut(name, ":"); kind {
	case "memory":
		return memstore.New(memstore.Options{}), nil
	case "file":
		return filestore.New(place, filestore.Options{})
	case "redis":
		return redisstore.New(redis.NewClient(&redis.Options{Addr: strings.TrimPrefix(place, "//")}), redisstore.Options{})
	case "memcache":
		return memcachestore.New(memcache.New(strings.TrimPrefix(place, "//")), memcachestore.Options{})
	}
	return nil, fmt.Errorf("-store %q names no store", name)
}
