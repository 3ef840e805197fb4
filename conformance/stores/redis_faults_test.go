package stores_test

import (
	"testing"

	session "github.com/cloakroom-go/cloakroom/core"
)

// redisFull returns a store that holds r on a server whose memory is full.
func redisFull(tb testing.TB, id string, r session.Record) session.Store {
	tb.Helper()
	client := redisClient(tb, redisDaemon(tb).addr)
	store := redisStore(tb, client)
	if err := store.Create(tb.Context(), id, r); err != nil {
		tb.Fatal(err)
	}
	redisDo(tb, client, "CONFIG", "SET", "maxmemory", "1")
	return store
}

// redisDaemon starts a server that keeps what it has acknowledged.
func redisDaemon(tb testing.TB, args ...string) *daemon {
	tb.Helper()
	return newDaemon(tb, "redis-server", func(port string) []string {
		return append([]string{
			"--port", port, "--bind", "127.0.0.1", "--dir", tb.TempDir(), "--save", "",
			"--appendonly", "yes", "--appendfsync", "always", "--maxmemory-policy", "noeviction",
		}, args...)
	})
}
