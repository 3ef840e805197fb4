package torture

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// A several is a backend that consists of several servers.
type several struct {
	name    string
	backend string
	cheap   bool // enough to be run by make test
	start   func(tb testing.TB, l *ledger) ([]backends.Place, []fault)
}

var severals = []several{
	{name: "redis-sentinel", backend: "redis", start: sentinel},
	{name: "redis-cluster", backend: "redis", start: cluster},
	{name: "postgres-pgbouncer", backend: "postgres", cheap: true, start: pgBouncer},
	{name: "postgres-standby", backend: "postgres", start: func(tb testing.TB, l *ledger) ([]backends.Place, []fault) {
		tb.Helper()
		return standby(tb, l, false)
	}},
	{name: "postgres-synchronous-standby", backend: "postgres", start: func(tb testing.TB, l *ledger) ([]backends.Place, []fault) {
		tb.Helper()
		return standby(tb, l, true)
	}},
}

// crash takes a Redis server down for as long as a failover takes. It comes back under its
// address with what it had on disk, as what it was before.
const crash = 2500 // milliseconds

var severalArgs = []string{"--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"}

// clients returns a client for each server.
func clients(tb testing.TB, nodes []*servers.Server) []*redis.Client {
	tb.Helper()
	all := make([]*redis.Client, len(nodes))
	for i, node := range nodes {
		all[i] = redis.NewClient(&redis.Options{Addr: node.URL, MaxRetries: 10})
		tb.Cleanup(func() { _ = all[i].Close() })
	}
	return all
}

// roles returns which of the servers is the master, and which follow it and are in step. It
// waits until that is all of them.
func roles(tb testing.TB, all []*redis.Client) (master int) {
	tb.Helper()
	servers.Eventually(tb, "one is the master, and the others are in step", func() bool {
		masters := 0
		for i, c := range all {
			info, err := c.Info(context.Background(), "replication").Result()
			switch {
			case err != nil:
				return false
			case strings.Contains(info, "role:master"):
				master, masters = i, masters+1
			case !strings.Contains(info, "master_link_status:up"):
				return false
			}
		}
		return masters == 1
	})
	return master
}

// crashed takes the master down until a replica has taken its place.
func crashed(tb testing.TB, all []*redis.Client) fault {
	tb.Helper()
	return fault{kind: "master crashes", loses: true, begin: func() error {
		old := roles(tb, all)
		once := redis.NewClient(&redis.Options{Addr: all[old].Options().Addr, MaxRetries: -1})
		defer func() { _ = once.Close() }()
		err := once.Do(context.Background(), "DEBUG", "CRASH-AND-RECOVER", crash).Err() // nobody is answered
		if _, refused := errors.AsType[redis.Error](err); refused {
			return err
		}
		servers.Eventually(tb, "another is the master", func() bool {
			for i, c := range all {
				info, err := c.Info(context.Background(), "replication").Result()
				if i != old && err == nil && strings.Contains(info, "role:master") {
					return true
				}
			}
			return false
		})
		roles(tb, all)
		return nil
	}}
}

// disturbed returns where each application finds servers that name each other.
func disturbed(tb testing.TB, l *ledger, p backends.Place, nodes []*servers.Server) []backends.Place {
	tb.Helper()
	places := cable(nil).places(p)
	for app := range places {
		places[app].Outside = maps.Clone(p.Outside)
		if places[app].Outside == nil {
			places[app].Outside = make(map[string]string)
		}
	}
	for _, node := range nodes {
		for app, line := range newCable(tb, l, node.URL) {
			places[app].Outside[node.Inside] = line.Listen
		}
	}
	return places
}

// sentinel is a master with two replicas, of which a Sentinel makes one the master.
// Replication is asynchronous: what the master has acknowledged last may be lost.
func sentinel(tb testing.TB, l *ledger) ([]backends.Place, []fault) {
	tb.Helper()
	watcher, nodes := servers.OwnSentinel(tb, 2, []string{
		"sentinel down-after-milliseconds main 500", "sentinel failover-timeout main 3000",
	}, severalArgs...)
	all, ask := clients(tb, nodes), clients(tb, []*servers.Server{watcher})[0]
	servers.Eventually(tb, "the Sentinel knows the replicas", func() bool {
		list, err := ask.Do(context.Background(), "SENTINEL", "REPLICAS", "main").Slice()
		return err == nil && len(list) == 2
	})
	place := backends.Place{
		Backend: "redis", Name: "sessions", Address: watcher.Inside, Master: "main",
		Outside: servers.Outside(watcher),
	}
	return disturbed(tb, l, place, nodes), []fault{
		crashed(tb, all),
		{kind: "SENTINEL FAILOVER", loses: true, begin: func() error {
			old := roles(tb, all)
			servers.Eventually(tb, "the Sentinel fails over", func() bool { // not again at once
				return ask.Do(context.Background(), "SENTINEL", "FAILOVER", "main").Err() == nil
			})
			servers.Eventually(tb, "another is the master", func() bool { return roles(tb, all) != old })
			return nil
		}},
	}
}

// cluster is three masters, one of which has a replica.
func cluster(tb testing.TB, l *ledger) ([]backends.Place, []fault) {
	tb.Helper()
	nodes := servers.OwnCluster(tb, 1, append([]string{"--cluster-node-timeout", "1000"}, severalArgs...)...)
	all := clients(tb, nodes)
	pair := []*redis.Client{all[0], all[3]}
	var addresses []string
	for _, node := range nodes {
		addresses = append(addresses, node.Inside)
	}
	place := backends.Place{
		Backend: "redis", Name: "sessions", Address: strings.Join(addresses, ","),
	}
	there := 0
	return disturbed(tb, l, place, nodes), []fault{
		{kind: "slots move", begin: func() error {
			from, to := 1+there, 2-there
			there = 1 - there
			return move(all[from], all[to], nodes[to].Inside)
		}},
		{kind: "CLUSTER FAILOVER", begin: func() error { // the master waits until its replica has all
			old := roles(tb, pair)
			if err := pair[1-old].Do(context.Background(), "CLUSTER", "FAILOVER").Err(); err != nil {
				return err
			}
			servers.Eventually(tb, "another is the master", func() bool { return roles(tb, pair) != old })
			return nil
		}},
		crashed(tb, pair),
	}
}

// move moves those slots of a Cluster's node to another in which there are sessions, as
// redis-cli --cluster reshard does.
func move(from, to *redis.Client, address string) error {
	ctx := context.Background()
	keys, _, err := from.Scan(ctx, 0, "", 20).Result()
	if err != nil {
		return err
	}
	source, target := from.ClusterMyID(ctx).Val(), to.ClusterMyID(ctx).Val()
	var slots []int64
	for _, key := range keys {
		slots = append(slots, from.ClusterKeySlot(ctx, key).Val())
	}
	slices.Sort(slots)
	for _, slot := range slices.Compact(slots) {
		if err := moveSlot(ctx, from, to, source, target, address, slot); err != nil {
			return fmt.Errorf("slot %d: %w", slot, err)
		}
	}
	return nil
}

func moveSlot(ctx context.Context, from, to *redis.Client, source, target, address string, slot int64) error {
	host, port, err := net.SplitHostPort(address)
	if err == nil {
		err = to.Do(ctx, "CLUSTER", "SETSLOT", slot, "IMPORTING", source).Err()
	}
	if err == nil {
		err = from.Do(ctx, "CLUSTER", "SETSLOT", slot, "MIGRATING", target).Err()
	}
	for err == nil {
		var keys []string
		if keys, err = from.ClusterGetKeysInSlot(ctx, int(slot), 10).Result(); err != nil || len(keys) == 0 {
			break
		}
		args := []any{"MIGRATE", host, port, "", 0, 5000, "KEYS"}
		for _, key := range keys {
			args = append(args, key)
		}
		err = from.Do(ctx, args...).Err()
	}
	return errors.Join(err,
		to.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", target).Err(),
		from.Do(ctx, "CLUSTER", "SETSLOT", slot, "NODE", target).Err())
}

// pgBouncer stands between the applications and a PostgreSQL server.
func pgBouncer(tb testing.TB, l *ledger) ([]backends.Place, []fault) {
	tb.Helper()
	server := servers.Own(tb, servers.Postgres)
	bouncer := servers.OwnPgBouncer(tb, server, 4)
	line := newCable(tb, l, hostPort.FindString(bouncer.URL))
	place := backends.Place{
		Backend: "postgres", Name: "sessions", Address: bouncer.URL + "&default_query_exec_mode=exec",
	}
	restart := restarted(tb, bouncer, false)
	restart.kind = "PgBouncer killed"
	faults := append([]fault{restart}, line.faults()...)
	for _, f := range postgresFaults(tb, server, place) {
		if slices.Contains([]string{"pg_terminate_backend", "pg_cancel_backend", "LOCK TABLE"}, f.kind) {
			faults = append(faults, f)
		}
	}
	return line.places(place), faults
}

// standby is a primary that is killed, a standby that is promoted, and a new standby. If
// it is synchronous, a commit waits until the standby has it, and nothing may be lost. While
// there is no standby, it waits for none: the next begins with all that there is then.
func standby(tb testing.TB, l *ledger, synchronous bool) ([]backends.Place, []fault) {
	tb.Helper()
	primary := servers.Own(tb, servers.Postgres)
	second := servers.OwnStandby(tb, primary)
	lines := []cable{newCable(tb, l, hostPort.FindString(primary.URL)), newCable(tb, l, hostPort.FindString(second.URL))}
	places := cable(nil).places(backends.Place{Backend: "postgres", Name: "sessions"})
	for app := range places {
		both := lines[0][app].Listen + "," + lines[1][app].Listen
		places[app].Address = hostPort.ReplaceAllLiteralString(primary.URL, both) +
			"&target_session_attrs=read-write&connect_timeout=2"
	}
	wait := func() error {
		if !synchronous {
			return nil
		}
		return execute(primary.URL, "ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
	}
	if err := wait(); err != nil {
		tb.Fatal(err)
	}
	return places, []fault{{
		kind: "standby promoted", loses: !synchronous,
		begin: func() error {
			following(tb, primary)
			primary.Kill(tb)
			return execute(second.URL, "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()", "SELECT pg_promote()")
		},
		end: func() error {
			old := primary
			primary, second = second, servers.OwnStandby(tb, second)
			old.Remove(tb)
			if err := wait(); err != nil {
				return err
			}
			slices.Reverse(lines)
			return lines[1].each(func(line *toxiproxy.Proxy) error {
				line.Stop()
				line.Upstream = hostPort.FindString(second.URL)
				return line.Start()
			})()
		},
	}}
}

// following returns when a PostgreSQL server's standby has all that was there before.
func following(tb testing.TB, primary *servers.Server) {
	tb.Helper()
	var before string
	servers.Eventually(tb, "the standby follows", func() bool {
		conn, err := pgx.Connect(context.Background(), primary.URL)
		if err != nil {
			return false
		}
		defer func() { _ = conn.Close(context.Background()) }()
		if before == "" {
			_ = conn.QueryRow(context.Background(), "SELECT pg_current_wal_insert_lsn()::text").Scan(&before)
		}
		n := 0
		_ = conn.QueryRow(context.Background(),
			"SELECT count(*) FROM pg_stat_replication WHERE flush_lsn >= $1::text::pg_lsn", before).Scan(&n)
		return n > 0
	})
}

// execute runs statements on a PostgreSQL server, whatever settings others are under.
func execute(address string, statements ...string) error {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return err
	}
	config.RuntimeParams["statement_timeout"], config.RuntimeParams["default_transaction_read_only"] = "0", "off"
	conn, err := pgx.ConnectConfig(context.Background(), config)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for _, statement := range statements {
		if _, err := conn.Exec(context.Background(), statement); err != nil {
			return err
		}
	}
	return nil
}
