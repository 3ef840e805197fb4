package origins_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/mysqlstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	scsmemstore "github.com/alexedwards/scs/v2/memstore"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgxpool"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/migrate"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// scsShop is the shop with scs.
func scsShop(t *testing.T, m *scs.SessionManager) string {
	t.Helper()
	return goShop(t, m.LoadAndSave(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		items, _ := m.Get(ctx, "cart").([]string)
		switch r.URL.Path {
		case "/login":
			if err := m.RenewToken(ctx); err != nil {
				t.Error(err)
			}
			m.Put(ctx, "user", r.FormValue("user"))
		case "/add":
			items = append(items, r.FormValue("item"))
			m.Put(ctx, "cart", items)
		}
		show(t, w, shop{m.GetString(ctx, "user"), items})
	})))
}

func moveFromSCS(t *testing.T, old scs.Store, hash bool, store session.Store) {
	t.Helper()
	m := scs.New()
	m.Store, m.HashTokenInStore, m.IdleTimeout = old, hash, 20*time.Minute
	s := migrate.SCS{Store: old, HashToken: hash, Cookie: http.Cookie{HttpOnly: true, SameSite: http.SameSiteLaxMode}}
	move(t, scsShop(t, m), s, newShop(t, store, s))
}

func TestVisitorsMoveInFromSCS(t *testing.T) {
	t.Parallel()
	t.Run("memstore", func(t *testing.T) {
		t.Parallel()
		moveFromSCS(t, scsmemstore.NewWithCleanupInterval(0), true, memstore.New(memstore.Options{}))
	})
	t.Run("goredisstore", func(t *testing.T) {
		t.Parallel()
		client, store := onRedis(t)
		moveFromSCS(t, goredisstore.New(client), false, store)
	})
	t.Run("sqlite3store", func(t *testing.T) {
		t.Parallel()
		db, store := onSQLite(t)
		moveFromSCS(t, sqlite3store.NewWithCleanupInterval(db, 0), false, store)
	})
	t.Run("mysqlstore", func(t *testing.T) {
		t.Parallel()
		db, store := onMySQL(t)
		moveFromSCS(t, mysqlstore.NewWithCleanupInterval(db, 0), false, store)
	})
	t.Run("pgxstore", func(t *testing.T) {
		t.Parallel()
		pool, store := onPostgres(t)
		moveFromSCS(t, pgxstore.NewWithCleanupInterval(pool, 0), false, store)
	})
}

// onPostgres returns a schema of the test's own with the table of scs, and the
// new shop's store in it.
func onPostgres(t *testing.T) (*pgxpool.Pool, session.Store) {
	t.Helper()
	dsn := servers.Any(t, servers.Postgres).URL
	schema := "origins_" + strings.ToLower(rand.Text())
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	config.ConnConfig.RuntimeParams["search_path"] = schema
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, err := pool.Exec(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema+" CASCADE")
		if pool.Close(); err != nil {
			t.Error(err)
		}
	})
	for _, statement := range []string{
		"CREATE SCHEMA " + schema,
		"CREATE TABLE sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL)",
	} {
		if _, err := pool.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	store, err := postgresstore.New(pool, postgresstore.Options{Table: "cloakroom"})
	if err == nil {
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return pool, store
}

// onSQLite returns a database with the table of scs, and the new shop's store in it.
func onSQLite(t *testing.T) (*sql.DB, session.Store) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.Join(t.TempDir(), "shop.db")+"?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db, inSQL(t, db, sqlstore.SQLite, "CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)")
}

// onMySQL returns the same of a database of the test's own.
func onMySQL(t *testing.T) (*sql.DB, session.Store) {
	t.Helper()
	config, err := mysql.ParseDSN(servers.Any(t, servers.MySQL).URL)
	if err != nil {
		t.Fatal(err)
	}
	open := func() *sql.DB {
		connector, err := mysql.NewConnector(config.Clone())
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(connector)
		t.Cleanup(func() { _ = db.Close() })
		return db
	}
	server := open()
	config.DBName = "origins_" + strings.ToLower(rand.Text())
	if _, err := server.ExecContext(t.Context(), "CREATE DATABASE "+config.DBName); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if _, err := server.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+config.DBName); err != nil {
			t.Error(err)
		}
	})
	db := open()
	table := "CREATE TABLE sessions (token CHAR(43) PRIMARY KEY, data BLOB NOT NULL, expiry TIMESTAMP(6) NOT NULL)"
	return db, inSQL(t, db, sqlstore.MySQL, table)
}

// inSQL makes the table of scs, and the new shop's store.
func inSQL(t *testing.T, db *sql.DB, d sqlstore.Dialect, table string) session.Store {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), table); err != nil {
		t.Fatal(err)
	}
	store, err := sqlstore.New(db, d, sqlstore.Options{})
	if err == nil {
		err = store.Migrate(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	return store
}
