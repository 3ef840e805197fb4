package torture

import (
	"context"
	"database/sql"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// A damage is what a backend can do of its own.
type damage struct {
	args     []string // of its server
	settings string   // of its client, behind the address
	oneIn    int      // faults of a line, if it's not as a ledger has it
	cuts     int
	faults   func(tb testing.TB, s *servers.Server, p backends.Place) []fault
}

var damages = map[string]damage{
	"redis":    {args: []string{"--appendonly", "yes", "--appendfsync", "always"}, faults: redisFaults},
	"memcache": {faults: memcacheFaults},
	"postgres": {settings: "&pool_max_conns=16", faults: postgresFaults}, // else four, and most requests wait
	"mysql":    {args: []string{"--innodb-flush-log-at-trx-commit=2"}, faults: mysqlFaults},
	"sqlite":   {faults: sqliteFaults},
	"mongo":    {oneIn: 4, cuts: 1, faults: mongoFaults}, // after one, its driver waits half a second
}

// restarted kills the server, and starts it again.
func restarted(tb testing.TB, s *servers.Server, loses bool) fault {
	tb.Helper()
	return fault{
		kind: "server killed", loses: loses,
		begin: func() error { s.Kill(tb); return nil },
		end:   func() error { s.Start(tb); return nil },
	}
}

func redisFaults(tb testing.TB, s *servers.Server, _ backends.Place) []fault {
	tb.Helper()
	client := redis.NewClient(&redis.Options{Addr: s.URL, MaxRetries: 10})
	tb.Cleanup(func() { _ = client.Close() })
	do := func(args ...any) func() error {
		return func() error { return client.Do(context.Background(), args...).Err() }
	}
	return []fault{
		{kind: "CLIENT KILL", begin: do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")},
		{kind: "SCRIPT FLUSH", begin: do("SCRIPT", "FLUSH")},
		{kind: "OOM", begin: do("CONFIG", "SET", "maxmemory", "1"), end: do("CONFIG", "SET", "maxmemory", "0")},
		{kind: "READONLY", begin: do("REPLICAOF", "127.0.0.1", "1"), end: do("REPLICAOF", "NO", "ONE")},
		{kind: "CLIENT PAUSE", begin: do("CLIENT", "PAUSE", "500"), end: do("CLIENT", "UNPAUSE")},
		restarted(tb, s, false),
	}
}

func memcacheFaults(tb testing.TB, s *servers.Server, _ backends.Place) []fault {
	tb.Helper()
	return []fault{
		{kind: "flush_all", loses: true, begin: func() error {
			client := memcache.New(s.URL) // its connections don't outlive the server
			defer func() { _ = client.Close() }()
			client.Timeout = backends.Patience
			return client.FlushAll()
		}},
		restarted(tb, s, true),
	}
}

func postgresFaults(tb testing.TB, s *servers.Server, p backends.Place) []fault {
	tb.Helper()
	run := func(statements ...string) error { return execute(s.URL, statements...) }
	others := " FROM pg_stat_activity WHERE pid <> pg_backend_pid() AND backend_type = 'client backend'"
	terminate := "SELECT pg_terminate_backend(pid)" + others
	setting := func(kind, setting string) fault {
		return fault{
			kind: kind,
			// The settings of a database hold for connections that begin.
			begin: func() error { return run("ALTER ROLE CURRENT_USER SET "+setting, terminate) },
			end: func() error {
				name, _, _ := strings.Cut(setting, " ")
				return run("ALTER ROLE CURRENT_USER RESET "+name, terminate)
			},
		}
	}
	return []fault{
		{kind: "pg_terminate_backend", begin: func() error { return run(terminate) }},
		{kind: "pg_cancel_backend", begin: func() error { return run("SELECT pg_cancel_backend(pid)" + others) }},
		{kind: "LOCK TABLE", begin: func() error {
			return run("BEGIN", "LOCK TABLE "+p.Name+" IN ACCESS EXCLUSIVE MODE", "SELECT pg_sleep(0.4)", "ROLLBACK")
		}},
		setting("statement_timeout", "statement_timeout = 1"),
		setting("read-only", "default_transaction_read_only = on"),
		restarted(tb, s, false),
	}
}

func mysqlFaults(tb testing.TB, s *servers.Server, p backends.Place) []fault {
	tb.Helper()
	db, err := sql.Open("mysql", s.URL)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	ctx := context.Background()
	return []fault{
		{kind: "KILL", begin: func() error {
			rows, err := db.QueryContext(ctx, "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID()")
			if err != nil {
				return err
			}
			defer func() { _ = rows.Close() }()
			var ids []int64
			for rows.Next() {
				var id int64
				if err := rows.Scan(&id); err != nil {
					return err
				}
				ids = append(ids, id)
			}
			for _, id := range ids {
				_, _ = db.ExecContext(ctx, "KILL ?", id) // it may have ended
			}
			return rows.Err()
		}},
		{kind: "LOCK TABLES", begin: func() error {
			conn, err := db.Conn(ctx)
			if err != nil {
				return err
			}
			defer func() { _ = conn.Close() }()
			for _, statement := range []string{"LOCK TABLES " + p.Name + " WRITE", "SELECT SLEEP(0.4)", "UNLOCK TABLES"} {
				if _, err := conn.ExecContext(ctx, statement); err != nil {
					return err
				}
			}
			return nil
		}},
		restarted(tb, s, false),
	}
}

func mongoFaults(tb testing.TB, s *servers.Server, _ backends.Place) []fault {
	tb.Helper()
	return []fault{restarted(tb, s, false)}
}

func sqliteFaults(tb testing.TB, _ *servers.Server, p backends.Place) []fault {
	tb.Helper()
	db, err := sql.Open("sqlite", "file:"+p.Address+"?_pragma=busy_timeout(60000)")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	db.SetMaxOpenConns(1)
	do := func(statement string) func() error {
		return func() error {
			_, err := db.ExecContext(context.Background(), statement)
			return err
		}
	}
	return []fault{{kind: "locked by another process", begin: do("BEGIN IMMEDIATE"), end: do("ROLLBACK")}}
}
