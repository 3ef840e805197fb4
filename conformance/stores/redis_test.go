package stores_test

import (
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance"
	session "github.com/cloakroom-go/cloakroom/core"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

const redisPrefix = "session:"

func TestRedis(t *testing.T) {
	t.Parallel()
	addr := redisAddr(t)
	describe(t, "redis", "Redis", redisVersion(t, redisClient(t, addr)))
	conformance.Run(t, redisHarness(t, addr))
}

func redisHarness(t *testing.T, addr string) conformance.Harness {
	t.Helper()
	client := redisClient(t, addr)
	open := func(t *testing.T) session.Store {
		t.Helper()
		return redisStore(t, redisClient(t, addr))
	}
	return conformance.Harness{
		Open:    open,
		Peer:    open,
		Require: []conformance.Capability{conformance.Touch, conformance.Subjects},
		MaxData: 16 << 20,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			redisDo(tb, client, "SET", redisPrefix+id, "not a record", "EX", 3600)
		},
		Misplace: func(tb testing.TB, from, to string) {
			tb.Helper()
			redisDo(tb, client, "COPY", redisPrefix+from, redisPrefix+to)
		},
		Outage: func(tb testing.TB) (session.Store, error) {
			tb.Helper()
			return redisStore(tb, redisClient(tb, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Stall: func(tb testing.TB) session.Store {
			tb.Helper()
			line := newCable(tb, addr)
			store := redisStore(tb, redisClient(tb, line.addr()))
			_, _ = store.Load(tb.Context(), randomID()) // so that it is connected
			line.stall()
			return store
		},
		Full: redisFull,
	}
}

// redisAddr returns where the server is.
func redisAddr(t *testing.T) string {
	t.Helper()
	addr := os.Getenv("CLOAKROOM_REDIS_ADDR")
	if addr == "" {
		t.Skip("CLOAKROOM_REDIS_ADDR is not set")
	}
	return addr
}

func redisClient(tb testing.TB, addr string) *redis.Client {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: addr})
	tb.Cleanup(func() { _ = client.Close() }) // a test may have closed it
	return client
}

func redisStore(tb testing.TB, client redis.UniversalClient) *redisstore.Store {
	tb.Helper()
	store, err := redisstore.New(client, redisstore.Options{})
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

func redisVersion(tb testing.TB, client *redis.Client) string {
	tb.Helper()
	info, err := client.Info(tb.Context(), "server").Result()
	if err != nil {
		tb.Fatal(err)
	}
	_, version, _ := strings.Cut(info, "redis_version:")
	version, _, _ = strings.Cut(version, "\r\n")
	return version
}
