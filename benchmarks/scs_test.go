package benchmarks

import (
	"database/sql"
	"encoding/gob"
	"net/http"
	"strings"
	"testing"

	"github.com/alexedwards/scs/goredisstore"
	"github.com/alexedwards/scs/mysqlstore"
	"github.com/alexedwards/scs/pgxstore"
	"github.com/alexedwards/scs/sqlite3store"
	"github.com/alexedwards/scs/v2"
	"github.com/alexedwards/scs/v2/memstore"
)

func init() {
	gob.Register(profile{})
	gob.Register([]string{})
	gob.Register(map[string]int{})
}

// scsApp returns the application over a store of scs.
func scsApp(store scs.Store, extra int) (*app, string) {
	m := scs.New()
	m.Store = store
	handle := func(f http.HandlerFunc) http.Handler { return m.LoadAndSave(f) }
	fill := handle(func(_ http.ResponseWriter, r *http.Request) {
		ctx := r.Context()
		m.Put(ctx, "counter", 1)
		m.Put(ctx, "name", name)
		m.Put(ctx, "cart", cart)
		m.Put(ctx, "profile", about)
		m.Put(ctx, "language", language)
		if extra > 0 {
			m.Put(ctx, "extra", strings.Repeat("x", extra))
		}
	})
	return &app{
		visitor:   func(b *testing.B) string { return cookieOf(b, fill) },
		untouched: handle(func(http.ResponseWriter, *http.Request) {}),
		read: handle(func(w http.ResponseWriter, r *http.Request) {
			if m.GetString(r.Context(), "name") != name {
				http.Error(w, "the session is lost", http.StatusInternalServerError)
			}
		}),
		write: handle(func(_ http.ResponseWriter, r *http.Request) {
			m.Put(r.Context(), "counter", m.GetInt(r.Context(), "counter")+1)
		}),
	}, ""
}

func openSCSMemory(b *testing.B, extra int) (*app, string) {
	store := memstore.New()
	b.Cleanup(store.StopCleanup)
	return scsApp(store, extra)
}

func openSCSRedis(b *testing.B, extra int) (*app, string) {
	client, missing := redisClient(b)
	if client == nil {
		return nil, missing
	}
	return scsApp(goredisstore.NewWithPrefix(client, unique()+":"), extra)
}

// The table of pgxstore has a fixed name.
const scsTable = `CREATE TABLE IF NOT EXISTS sessions (token TEXT PRIMARY KEY, data BYTEA NOT NULL, expiry TIMESTAMPTZ NOT NULL);
	CREATE INDEX IF NOT EXISTS sessions_expiry_idx ON sessions (expiry)`

func openSCSPostgres(b *testing.B, extra int) (*app, string) {
	pool, missing := postgresPool(b)
	if pool == nil {
		return nil, missing
	}
	if _, err := pool.Exec(b.Context(), scsTable); err != nil {
		b.Fatal(err)
	}
	return scsApp(pgxstore.NewWithCleanupInterval(pool, 0), extra)
}

// The tables of sqlite3store and mysqlstore have the same name, and no other.
func openSCSSQLite(driver string) opener {
	return onSQLite(driver, func(b *testing.B, db *sql.DB, extra int) (*app, string) {
		createTable(b, db, "CREATE TABLE sessions (token TEXT PRIMARY KEY, data BLOB NOT NULL, expiry REAL NOT NULL)",
			"CREATE INDEX sessions_expiry_idx ON sessions (expiry)")
		return scsApp(sqlite3store.NewWithCleanupInterval(db, 0), extra)
	})
}

func openSCSMySQL(b *testing.B, extra int) (*app, string) {
	db, missing := mysqlPool(b)
	if db == nil {
		return nil, missing
	}
	createTable(b, db, "CREATE TABLE IF NOT EXISTS sessions (token CHAR(43) PRIMARY KEY, data LONGBLOB NOT NULL, "+
		"expiry TIMESTAMP(6) NOT NULL, KEY sessions_expiry_idx (expiry))")
	return scsApp(mysqlstore.NewWithCleanupInterval(db, 0), extra)
}

func createTable(b *testing.B, db *sql.DB, statements ...string) {
	b.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(b.Context(), s); err != nil {
			b.Fatal(err)
		}
	}
}
