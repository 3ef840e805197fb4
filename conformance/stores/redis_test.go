package stores_test

import (
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

const redisPrefix = "session:"

func TestRedis(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Redis, func(t *testing.T, s *servers.Server) {
		t.Helper()
		describe(t, "redis", s.Name, s.Version)
		conformance.Run(t, redisHarness(t, s.URL))
	})
}

func redisHarness(t *testing.T, addr string) conformance.Harness {
	t.Helper()
	client := redisClient(t, addr)
	open := func(t *testing.T) sessionstore.Store {
		t.Helper()
		return redisStore(t, redisClient(t, addr))
	}
	return conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open:     open,
		Peer:     open,
		Require:  everyButPrune,
		MaxData:  sessionstore.DefaultMaxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			redisDo(tb, client, "SET", redisPrefix+id, "not a record", "EX", 3600)
		},
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			redisDo(tb, client, "COPY", redisPrefix+from, redisPrefix+to)
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			return redisStore(tb, redisClient(tb, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return redisIsolated(tb, client)
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			space := redisSpace()
			return redisStoreIn(tb, client, space), redisStoreIn(tb, redisClient(tb, addr), space)
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			line := newCable(tb, addr)
			store := redisIsolated(tb, redisClient(tb, line.addr()))
			_, _ = store.Load(tb.Context(), randomID()) // so that it is connected
			line.stall()
			return store
		},
		Full: redisFull,
	}
}

func redisClient(tb testing.TB, addr string) *redis.Client {
	tb.Helper()
	return redisClientOf(tb, backends.RedisOptions(addr))
}

func redisClientOf(tb testing.TB, o *redis.Options) *redis.Client {
	tb.Helper()
	client := redis.NewClient(o)
	tb.Cleanup(func() { _ = client.Close() }) // a test may have closed it
	return client
}

func redisStore(tb testing.TB, client redis.UniversalClient) *redisstore.Store {
	tb.Helper()
	return redisStoreIn(tb, client, redisPrefix)
}

// redisIsolated returns a store with a prefix of its own, in which a pattern would
// have a meaning.
func redisIsolated(tb testing.TB, client redis.UniversalClient) *redisstore.Store {
	tb.Helper()
	return redisStoreIn(tb, client, redisSpace())
}

func redisSpace() string { return `*[a-z]?\` + newSpace() }

func redisStoreIn(tb testing.TB, client redis.UniversalClient, prefix string) *redisstore.Store {
	tb.Helper()
	return redisStoreOf(tb, client, redisstore.Options{KeyPrefix: prefix})
}

// redisNotifying returns a store that publishes what ends.
func redisNotifying(tb testing.TB, client redis.UniversalClient, prefix string) *redisstore.Store {
	tb.Helper()
	return redisStoreOf(tb, client, redisstore.Options{KeyPrefix: prefix, Notify: true})
}

func redisStoreOf(tb testing.TB, client redis.UniversalClient, o redisstore.Options) *redisstore.Store {
	tb.Helper()
	store, err := redisstore.New(client, o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

func redisDo(tb testing.TB, client redis.UniversalClient, args ...any) any {
	tb.Helper()
	answer, err := client.Do(tb.Context(), args...).Result()
	if err != nil {
		tb.Fatalf("%v: %v", args[0], err)
	}
	return answer
}
