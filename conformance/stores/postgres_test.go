package stores_test

import (
	"context"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

func TestPostgres(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Postgres, func(t *testing.T, s *servers.Server) {
		t.Helper()
		describe(t, "postgres", s.Name, s.Version)
		conformance.Run(t, postgresHarness(t, postgresConfig(t, s.URL), true))
	})
}

// postgresHarness is for a store that notifies of what ends, or for one that doesn't.
func postgresHarness(t *testing.T, server *pgxpool.Config, notify bool) conformance.Harness {
	t.Helper()
	can := every
	if notify {
		can = append([]conformance.Capability{conformance.Watcher}, every...)
	}
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	open := func(tb testing.TB, server *pgxpool.Config) sessionstore.Store {
		tb.Helper()
		return postgresStoreOf(tb, postgresPool(tb, server), postgresstore.Options{Table: table, Notify: notify})
	}
	return conformance.Harness{
		Deadline:  patience, // a busy machine is no store that hangs
		Open:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Peer:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Precision: time.Microsecond,
		Require:   can,
		MaxData:   sessionstore.DefaultMaxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			postgresExec(tb, pool, `INSERT INTO `+table+` VALUES ($1, '', '', now() + interval '1 hour', 0)`, id)
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			return open(tb, postgresAt(server, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return postgresStoreOf(tb, pool, postgresstore.Options{
				Table: postgresTableOf(tb, pool, newSpace()), PruneBatch: smallBatch, Notify: notify,
			})
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			o := postgresstore.Options{Table: postgresTableOf(tb, pool, newSpace()), Notify: notify}
			return postgresStoreOf(tb, pool, o), postgresStoreOf(tb, postgresPool(tb, server), o)
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			line := newCable(tb, postgresAddr(server))
			store := postgresStoreOf(tb, postgresPool(tb, postgresAt(server, line.addr())),
				postgresstore.Options{Table: postgresTable(tb, pool), Notify: notify})
			_, _ = store.Load(tb.Context(), strings.Repeat("x", sessionstore.IDLen)) // so that it is connected
			line.stall()
			tb.Cleanup(line.cut) // before the pool is closed, which waits 15 seconds for answers
			return store
		},
	}
}

// postgres returns where a server is that tests share.
func postgres(t *testing.T) *pgxpool.Config {
	t.Helper()
	return postgresConfig(t, servers.Any(t, servers.Postgres).URL)
}

func postgresConfig(t *testing.T, url string) *pgxpool.Config {
	t.Helper()
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func postgresPool(tb testing.TB, server *pgxpool.Config) *pgxpool.Pool {
	tb.Helper()
	config := server.Copy()
	config.MaxConns = min(config.MaxConns, 4) // whatever the machine: many tests share the server's connections
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// postgresTable creates a table. It is dropped at the end.
func postgresTable(tb testing.TB, db postgresstore.DB) string {
	tb.Helper()
	return postgresTableOf(tb, db, ownSpace())
}

func postgresTableOf(tb testing.TB, db postgresstore.DB, space string) string {
	tb.Helper()
	table := "cloakroom_" + space
	if err := postgresStore(tb, db, table).Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_, _ = db.Exec(context.WithoutCancel(tb.Context()), `DROP TABLE IF EXISTS `+table) // tidying
	})
	return table
}

func postgresStore(tb testing.TB, db postgresstore.DB, table string) *postgresstore.Store {
	tb.Helper()
	return postgresStoreOf(tb, db, postgresstore.Options{Table: table})
}

func postgresStoreOf(tb testing.TB, db postgresstore.DB, o postgresstore.Options) *postgresstore.Store {
	tb.Helper()
	store, err := postgresstore.New(db, o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

func postgresExec(tb testing.TB, db postgresstore.DB, sql string, args ...any) {
	tb.Helper()
	if _, err := db.Exec(tb.Context(), sql, append([]any{pgx.QueryExecModeExec}, args...)...); err != nil {
		tb.Fatal(err)
	}
}
