package stores_test

import (
	"context"
	"net"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestRedisCluster runs the suite on three masters that share the hash slots.
func TestRedisCluster(t *testing.T) {
	t.Parallel()
	nodes := redisCluster(t)
	runRedis(t, "redis, Cluster", nodes[0], func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return redis.NewClusterClient(redisClusterOptions(nodes))
	})
}

// TestRedisSentinel runs the suite on a master that a Sentinel names.
func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	master := servers.Own(t, servers.Redis)
	sentinel := servers.Own(t, servers.Sentinel, "sentinel monitor main "+strings.Replace(master.Inside, ":", " ", 1)+" 1")
	options := &redis.FailoverOptions{
		MasterName:    "main",
		SentinelAddrs: []string{sentinel.Inside},
		Dialer:        outside([]*servers.Server{master, sentinel}),
		DialTimeout:   patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	}
	runRedis(t, "redis, Sentinel", master, func(tb testing.TB) redis.UniversalClient {
		tb.Helper()
		return redis.NewFailoverClient(options)
	})
}

// runRedis runs the suite with clients that connect makes.
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
		return redisStore(t, client(t))
	}
	conformance.Run(t, conformance.Harness{
		Open:    open,
		Peer:    open,
		Require: everyButPrune,
		MaxData: sessionstore.DefaultMaxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			redisDo(tb, own, "SET", redisPrefix+id, "not a record", "EX", 3600)
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return redisIsolated(tb, own)
		},
	})
}

// redisCluster starts three masters and returns when they agree that the
// cluster works.
func redisCluster(t *testing.T) []*servers.Server {
	t.Helper()
	const slots = 16384
	nodes := make([]*servers.Server, 3)
	clients := make([]*redis.Client, len(nodes))
	for i := range nodes {
		nodes[i] = servers.Own(t, servers.Redis, "--cluster-enabled", "yes")
		clients[i] = redisClient(t, nodes[i].URL)
		redisDo(t, clients[i], "CLUSTER", "ADDSLOTSRANGE", i*slots/len(nodes), (i+1)*slots/len(nodes)-1)
	}
	for _, node := range nodes[1:] {
		host, port, err := net.SplitHostPort(node.Inside)
		if err != nil {
			t.Fatal(err)
		}
		redisDo(t, clients[0], "CLUSTER", "MEET", host, port)
	}
	for _, client := range clients {
		eventually(t, "the cluster works", func() bool {
			info, err := client.ClusterInfo(t.Context()).Result()
			return err == nil && strings.Contains(info, "cluster_state:ok") && strings.Contains(info, "cluster_known_nodes:3")
		})
	}
	return nodes
}

// redisClusterOptions are to a Cluster what redisOptions are to a single server.
func redisClusterOptions(nodes []*servers.Server) *redis.ClusterOptions {
	return &redis.ClusterOptions{
		Addrs: []string{nodes[0].Inside}, Dialer: outside(nodes),
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience, PoolTimeout: patience,
	}
}

// outside dials servers that name each other by their addresses inside, which
// the test can't always reach.
func outside(nodes []*servers.Server) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		for _, node := range nodes {
			if node.Inside == addr {
				addr = node.URL
			}
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}
