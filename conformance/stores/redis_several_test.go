package stores_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestRedisCluster runs the suite on three masters that share the hash slots.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := servers.OwnCluster(t, 0)
	runRedis(t, "redis, Cluster", nodes[0], func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return redis.NewClusterClient(redisClusterOptions(nodes))
	})
}

// TestRedisSentinel runs the suite on a master that a Sentinel names.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	sentinel, nodes := servers.OwnSentinel(t, 0, nil)
	options := &redis.FailoverOptions{
		MasterName:    "main",
		SentinelAddrs: []string{sentinel.Inside},
		Dialer:        servers.Dial(servers.Outside(append(nodes, sentinel)...)),
		DialTimeout:   patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	}
	runRedis(t, "redis, Sentinel", nodes[0], func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return redis.NewFailoverClient(options)
	})
}

// runRedis runs the suite with clients that connect makes, on stores that publish what ends.
func runRedis(t *testing.T, name string, server *servers.Server, connect func(testing.TB) redis.UniversalClient) {
	t.Helper()
	describe(t, name, server.Name, server.Version)
	client := func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		c := connect(tb)
		tb.Cleanup(func() { _ = c.Close() }) // nothing is left to lose
		return c
	}
	own := client(t)
	open := func(t *testing.T) sessionstore.Store {
		t.Helper()
		return redisNotifying(t, client(t), redisPrefix)
	}
	conformance.Run(t, conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open:     open,
		Peer:     open,
		Require:  append([]conformance.Capability{conformance.Watcher}, everyButPrune...),
		MaxData:  sessionstore.DefaultMaxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			redisDo(tb, own, "SET", redisPrefix+id, "not a record", "EX", 3600)
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return redisNotifying(tb, own, redisSpace())
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			space := redisSpace()
			return redisNotifying(tb, own, space), redisNotifying(tb, client(tb), space)
		},
	})
}

// redisClusterOptions are to a Cluster what redisOptions are to a single server.
func redisClusterOptions(nodes []*servers.Server) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: []string{nodes[0].Inside}, Dialer: servers.Dial(servers.Outside(nodes...)),
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	}
}
