package main

import (
	"net/http"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/examples/internal/visit"
)

// The store itself is tested on real clusters, in conformance/stores; this is
// about the example.
func TestAClusterThatIsDownIsAnOutage(t *testing.T) {
	t.Parallel()
	client := redis.NewClusterClient(&redis.ClusterOptions{Addrs: []string{"127.0.0.1:1"}, MaxRedirects: -1})
	t.Cleanup(func() { _ = client.Close() }) // it has nothing left to say
	handler, err := newHandler(client, [][]byte{session.GenerateKey()})
	if err != nil {
		t.Fatal(err)
	}
	visit.New(t, handler).Want("GET /", "", http.StatusServiceUnavailable, "Temporarily unavailable")
}
