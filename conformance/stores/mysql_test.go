package stores_test

import (
	"context"
	"database/sql"
	"syscall"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

func TestMysql(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.MySQL, func(t *testing.T, s *servers.Server) {
		t.Helper()
		for name, text := range map[string]bool{"text": true, "prepared": false} { // every statement is
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				config := mysqlConfig(t, s.URL)
				config.InterpolateParams = text
				describe(t, "mysql, "+name, s.Name, s.Version)
				conformance.Run(t, mysqlHarness(t, config, text))
			})
		}
	})
}

func mysqlHarness(t *testing.T, server *mysql.Config, text bool) conformance.Harness {
	t.Helper()
	db := mysqlDB(t, server)
	table := mysqlTable(t, db)
	on := func(tb testing.TB, db *sql.DB, table string) sessionstore.Store {
		tb.Helper()
		return sqlStore(tb, db, sqlstore.MySQL, sqlstore.Options{Table: table, NoPreparedStatements: text})
	}
	open := func(tb testing.TB, server *mysql.Config) sessionstore.Store {
		tb.Helper()
		return on(tb, mysqlDB(tb, server), table)
	}
	return conformance.Harness{
		Deadline:  patience, // a busy machine is no store that hangs
		Open:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Peer:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Precision: time.Microsecond,
		Require:   every,
		MaxData:   min(sessionstore.DefaultMaxData, mysqlPacket(t, db)-1<<10),
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			sqlExec(tb, db, mysqlRow(table), id, []byte{}, "", time.Now().Add(time.Hour).UnixMicro(), 0)
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			return open(tb, mysqlAt(server, "127.0.0.1:1")), syscall.ECONNREFUSED
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return sqlStore(tb, db, sqlstore.MySQL, sqlstore.Options{
				Table: mysqlTableOf(tb, db, newSpace()), PruneBatch: smallBatch, NoPreparedStatements: text,
			})
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			table := mysqlTableOf(tb, db, newSpace())
			return on(tb, db, table), on(tb, mysqlDB(tb, server), table)
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			line := newCable(tb, server.Addr)
			store := on(tb, mysqlDB(tb, mysqlAt(server, line.addr())), mysqlTable(tb, db))
			_, _ = store.Load(tb.Context(), randomID()) // so that it is connected
			line.stall()
			return store
		},
	}
}

func mysqlConfig(t *testing.T, dsn string) *mysql.Config {
	t.Helper()
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// mysqlAt returns the configuration for a server at another address.
func mysqlAt(server *mysql.Config, addr string) *mysql.Config {
	at := server.Clone()
	at.Addr = addr
	return at
}

func mysqlDB(tb testing.TB, server *mysql.Config) *sql.DB {
	tb.Helper()
	connector, err := mysql.NewConnector(server.Clone())
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(8)
	db.SetMaxIdleConns(8)
	tb.Cleanup(func() { _ = db.Close() }) // nothing is left to lose
	return db
}

// mysqlTable creates a table that takes rows which are no records. It is dropped at
// the end.
func mysqlTable(tb testing.TB, db *sql.DB) string {
	tb.Helper()
	return mysqlTableOf(tb, db, ownSpace())
}

func mysqlTableOf(tb testing.TB, db *sql.DB, space string) string {
	tb.Helper()
	table := "t_" + space
	if err := mysqlStore(tb, db, table).Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	// Without its constraint, in the words of both.
	sqlExec(tb, db, "ALTER TABLE `"+table+"` MODIFY version BIGINT NOT NULL")
	tb.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(tb.Context()), "DROP TABLE IF EXISTS `"+table+"`") // tidying
	})
	return table
}

func mysqlStore(tb testing.TB, db *sql.DB, table string) *sqlstore.Store {
	tb.Helper()
	return sqlStore(tb, db, sqlstore.MySQL, sqlstore.Options{Table: table})
}

func mysqlRow(table string) string {
	return "INSERT INTO `" + table + "` (id, data, subject, expires, version) VALUES (?, ?, ?, ?, ?)"
}

func mysqlPacket(tb testing.TB, db *sql.DB) int {
	tb.Helper()
	var packet int
	if err := db.QueryRowContext(tb.Context(), `SELECT @@max_allowed_packet`).Scan(&packet); err != nil {
		tb.Fatal(err)
	}
	return packet
}
