package main

import (
	"net/http"
	"testing"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	session "github.com/cloakroom-go/cloakroom/core"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

// The store itself is tested on real clusters; this is about the example.
func TestVisitsAreCountedInTheClusterUntilItIsDown(t *testing.T) {
	t.Parallel()
	node := miniredis.RunT(t)
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{node.Addr()}})
	t.Cleanup(func() { _ = client.Close() }) // it has nothing left to say
	handler, err := newHandler(client, [][]byte{session.GenerateKey()})
	if err != nil {
		t.Fatal(err)
	}
	v := visit.New(t, handler)
	v.Want("GET /", "", http.StatusOK, "visit 1")
	v.Want("GET /", "", http.StatusOK, "visit 2")
	node.Close()
	v.Want("GET /", "", http.StatusServiceUnavailable, "Temporarily unavailable")
	if err := node.Restart(); err != nil {
		t.Fatal(err)
	}
	v.Want("GET /", "", http.StatusOK, "visit 3")
}
