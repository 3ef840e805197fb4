package servers

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
)

// OwnCluster starts a Redis Cluster for the test alone: three masters that share the hash
// slots, and so many replicas of the first. It returns when all agree that it works.
func OwnCluster(tb testing.TB, replicas int, args ...string) []*Server {
	tb.Helper()
	const masters, slots = 3, 16384
	nodes := make([]*Server, masters+replicas)
	clients := make([]*redis.Client, len(nodes))
	for i := range nodes {
		nodes[i] = Own(tb, redisNode, append([]string{"--cluster-enabled", "yes"}, args...)...)
		clients[i] = redis.NewClient(&redis.Options{Addr: nodes[i].URL})
		defer func() { _ = clients[i].Close() }() //nolint:gocritic // all of them are needed to the end
		if i < masters {
			redisDo(tb, clients[i], "CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
		}
	}
	for _, node := range nodes[1:] {
		host, port := node.hostPort(tb)
		redisDo(tb, clients[0], "CLUSTER", "MEET", host, port)
	}
	first := fmt.Sprint(redisDo(tb, clients[0], "CLUSTER", "MYID"))
	known := fmt.Sprintf("cluster_known_nodes:%d", len(nodes))
	Eventually(tb, "the cluster works", func() bool {
		for _, c := range clients {
			info, err := c.ClusterInfo(tb.Context()).Result()
			if err != nil || !strings.Contains(info, "cluster_state:ok") || !strings.Contains(info, known) {
				return false
			}
		}
		return true
	})
	for _, c := range clients[masters:] {
		redisDo(tb, c, "CLUSTER", "REPLICATE", first)
	}
	for i := range replicas {
		nodes[masters+i].InStep(tb)
	}
	return nodes
}

// OwnSentinel starts a Redis Sentinel for the test alone, which names the first of the
// nodes "main", and so many replicas of it. lines are added to the Sentinel's
// configuration, args to the command lines of the others.
func OwnSentinel(tb testing.TB, replicas int, lines []string, args ...string) (sentinel *Server, nodes []*Server) {
	tb.Helper()
	nodes = []*Server{Own(tb, redisNode, args...)}
	host, port := nodes[0].hostPort(tb)
	for range replicas {
		nodes = append(nodes, Own(tb, redisNode, append([]string{"--replicaof", host + " " + port}, args...)...))
	}
	for _, replica := range nodes[1:] {
		replica.InStep(tb)
	}
	return Own(tb, Sentinel, append([]string{"sentinel monitor main " + host + " " + port + " 1"}, lines...)...), nodes
}

// InStep returns when a Redis server is a replica that has all that its master has.
func (s *Server) InStep(tb testing.TB) {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.URL})
	defer func() { _ = client.Close() }() // only asked
	Eventually(tb, "a replica is in step", func() bool {
		info, err := client.Info(context.Background(), "replication").Result()
		return err == nil && strings.Contains(info, "role:slave") && strings.Contains(info, "master_link_status:up")
	})
}

// OwnPgBouncer starts a PgBouncer for the test alone, which gives each transaction one of
// so many connections to a PostgreSQL server.
func OwnPgBouncer(tb testing.TB, behind *Server, connections int) *Server {
	tb.Helper()
	config, err := pgx.ParseConfig(behind.URL)
	if err != nil {
		tb.Fatal(err)
	}
	host, port := config.Host, strconv.Itoa(int(config.Port)) // of one that is given
	if behind.unit != nil {
		host, port = behind.hostPort(tb)
	}
	return Own(tb, PgBouncer,
		"[databases]",
		fmt.Sprintf("* = host=%s port=%s user=%s password='%s'", host, port, config.User, strings.ReplaceAll(config.Password, "'", "''")),
		"[pgbouncer]", "pool_mode = transaction", fmt.Sprintf("default_pool_size = %d", connections))
}

// OwnStandby starts a PostgreSQL server for the test alone that follows another, and
// returns when it does. pg_promote makes it the primary.
func OwnStandby(tb testing.TB, primary *Server) *Server {
	tb.Helper()
	// Connections of a replica are let in by lines of their own.
	//nolint:dupword // all databases, all users
	if err := primary.execute(tb.Context(), `DO $$ BEGIN
		EXECUTE 'COPY (SELECT ''host replication all all scram-sha-256'') TO PROGRAM ' ||
			quote_literal('cat >>' || quote_ident(current_setting('hba_file')));
		PERFORM pg_reload_conf();
	END $$`); err != nil {
		tb.Fatal(err)
	}
	host, port := primary.hostPort(tb)
	return Own(tb, Standby, host, port)
}

// execute runs a statement on a PostgreSQL server.
func (s *Server) execute(ctx context.Context, statement string) error {
	conn, err := pgx.Connect(ctx, s.URL)
	if err != nil {
		return err //nolint:wrapcheck // the caller says what failed
	}
	defer func() { _ = conn.Close(ctx) }() // what was run has been answered
	_, err = conn.Exec(ctx, statement)
	return err //nolint:wrapcheck // the same
}

// hostPort returns where other servers reach the server.
func (s *Server) hostPort(tb testing.TB) (host, port string) {
	tb.Helper()
	host, port, err := net.SplitHostPort(s.Inside)
	if err != nil {
		tb.Fatal(err)
	}
	return host, port
}

// Outside tells where the test reaches servers that name each other by their addresses
// inside, which the test can't always reach.
func Outside(nodes ...*Server) map[string]string {
	outside := make(map[string]string, len(nodes))
	for _, node := range nodes {
		outside[node.Inside] = node.URL
	}
	return outside
}

// Dial returns a dialer for what Outside has returned.
func Dial(outside map[string]string) func(ctx context.Context, network, addr string) (net.Conn, error) {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		if there, ok := outside[addr]; ok {
			addr = there
		}
		var d net.Dialer
		return d.DialContext(ctx, network, addr)
	}
}

// Eventually waits until something holds.
func Eventually(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	deadline := time.Now().Add(timeout)
	for !holds() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited in vain until %s", what)
		}
		<-time.After(20 * time.Millisecond)
	}
}

func redisDo(tb testing.TB, client *redis.Client, args ...any) any {
	tb.Helper()
	got, err := client.Do(tb.Context(), args...).Result()
	if err != nil {
		tb.Fatalf("%v: %v", args, err)
	}
	return got
}
