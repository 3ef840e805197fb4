package stores_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// sqliteDrivers are the drivers by name, each with what it makes of a pragma in the
// name of a file.
var sqliteDrivers = map[string]func(url.Values, string, any){
	"sqlite": func(q url.Values, pragma string, value any) { q.Add("_pragma", fmt.Sprintf("%s(%v)", pragma, value)) },
}

// eachSQLite runs a subtest with each driver.
func eachSQLite(t *testing.T, run func(t *testing.T, driver string)) {
	t.Helper()
	for driver := range sqliteDrivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			run(t, driver)
		})
	}
}

func TestSqlite(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		db := sqliteFile(t, driver)
		var version string
		if err := sqliteDB(t, db).QueryRowContext(t.Context(), `SELECT sqlite_version()`).Scan(&version); err != nil {
			t.Fatal(err)
		}
		describe(t, "sqlite", "SQLite ("+driver+")", version)
		conformance.Run(t, sqliteHarness(t, db))
	})
}

func sqliteHarness(t *testing.T, file sqlite) conformance.Harness {
	t.Helper()
	// SQLite's lock has no queue: were each case to bring a pool, one of hundreds would
	// starve. Two are the program and its peer.
	open := func(db *sql.DB) func(t *testing.T) sessionstore.Store {
		return func(t *testing.T) sessionstore.Store {
			t.Helper()
			return sqlStore(t, db, sqlstore.SQLite, sqlstore.Options{})
		}
	}
	isolated := sqlitePool(t, sqliteFile(t, file.driver))
	return conformance.Harness{
		Open:     open(sqlitePool(t, file)),
		Peer:     open(sqlitePool(t, file)),
		Deadline: patience, // a busy machine is no store that hangs
		Require:  every,
		MaxData:  sessionstore.DefaultMaxData,
		Corrupt:  sqliteCorrupt(t, file),
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			db := sqliteDB(tb, file)
			if err := db.Close(); err != nil {
				tb.Fatal(err)
			}
			return sqlStore(tb, db, sqlstore.SQLite, sqlstore.Options{}), db.PingContext(tb.Context())
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			o := sqlstore.Options{Table: "t_" + newSpace(), PruneBatch: smallBatch}
			store := sqlStore(tb, isolated, sqlstore.SQLite, o)
			if err := store.Migrate(tb.Context()); err != nil {
				tb.Fatal(err)
			}
			return store
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			file := sqliteFile(tb, file.driver)
			return sqliteStore(tb, file), sqliteStore(tb, file)
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			file := sqliteFileIn(tb, file.driver, "DELETE") // a mode in which a lock keeps readers out as well
			store := sqliteStore(tb, file)
			sqliteLock(tb, file, "EXCLUSIVE") // which ends first
			return store
		},
		Full: func(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
			tb.Helper()
			file := sqliteFile(tb, file.driver)
			if err := sqliteStore(tb, file).Create(tb.Context(), id, r); err != nil {
				tb.Fatal(err)
			}
			var pages int
			if err := sqliteDB(tb, file).QueryRowContext(tb.Context(), `PRAGMA page_count`).Scan(&pages); err != nil {
				tb.Fatal(err)
			}
			return sqliteSmall(tb, file, pages)
		},
	}
}

// sqlite names a file with a driver and its pragmas. Mode is SQLite's, "" for its default.
type sqlite struct {
	driver  string
	path    string
	pragmas map[string]any
	mode    string
}

// sqliteFile returns a new file with a table, as the README recommends it.
func sqliteFile(tb testing.TB, driver string) sqlite {
	tb.Helper()
	return sqliteFileIn(tb, driver, "WAL")
}

func sqliteFileIn(tb testing.TB, driver, journal string) sqlite {
	tb.Helper()
	return sqliteIn(tb, driver, tb.TempDir(), journal)
}

func sqliteIn(tb testing.TB, driver, dir, journal string) sqlite {
	tb.Helper()
	file := sqlite{driver: driver, path: filepath.Join(dir, "sessions.db"), pragmas: map[string]any{
		"busy_timeout": patience.Milliseconds(),
		"journal_mode": journal,
		"synchronous":  "OFF", // no test but that of kills cuts a write short, and others keep the disk busy
	}}
	if err := sqliteStore(tb, file).Migrate(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	return file
}

// with returns the same file with another pragma.
func (s sqlite) with(pragma string, value any) sqlite {
	pragmas := map[string]any{pragma: value}
	for name, v := range s.pragmas {
		if name != pragma {
			pragmas[name] = v
		}
	}
	s.pragmas = pragmas
	return s
}

// name is what the driver is given.
func (s sqlite) name() string {
	q := url.Values{}
	if s.mode != "" {
		q.Set("mode", s.mode)
	}
	for pragma, value := range s.pragmas {
		sqliteDrivers[s.driver](q, pragma, value)
	}
	return "file:" + filepath.ToSlash(s.path) + "?" + q.Encode()
}

// open returns a new pool.
func (s sqlite) open() (*sql.DB, error) { return sql.Open(s.driver, s.name()) }

func sqliteDB(tb testing.TB, file sqlite) *sql.DB {
	tb.Helper()
	db, err := file.open()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = db.Close() // a test may have closed it
		// A call that was given up may still use the file, which is about to be removed.
		eventually(tb, "no statement is under way", func() bool { return db.Stats().OpenConnections == 0 })
	})
	return db
}

// sqlitePool returns a pool that keeps its few connections: a new one reads the whole schema.
func sqlitePool(tb testing.TB, file sqlite) *sql.DB {
	tb.Helper()
	const connections = 4
	db := sqliteDB(tb, file)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return db
}

func sqliteStore(tb testing.TB, file sqlite) *sqlstore.Store {
	tb.Helper()
	return sqlStore(tb, sqliteDB(tb, file), sqlstore.SQLite, sqlstore.Options{})
}

// sqliteSmall returns a store that has room for so many pages. Not every driver takes
// that from the name, so it has one connection.
func sqliteSmall(tb testing.TB, file sqlite, pages int) *sqlstore.Store {
	tb.Helper()
	db := sqliteDB(tb, file)
	db.SetMaxOpenConns(1)
	sqlExec(tb, db, fmt.Sprintf(`PRAGMA max_page_count = %d`, pages))
	return sqlStore(tb, db, sqlstore.SQLite, sqlstore.Options{})
}

func sqlStore(tb testing.TB, db *sql.DB, d sqlstore.Dialect, o sqlstore.Options) *sqlstore.Store {
	tb.Helper()
	store, err := sqlstore.New(db, d, o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}

// sqliteCorrupt returns a function that writes a row which is no record, past the
// constraints.
func sqliteCorrupt(tb testing.TB, file sqlite) func(testing.TB, string) {
	tb.Helper()
	db := sqliteDB(tb, file.with("ignore_check_constraints", 1))
	return func(tb testing.TB, id string) {
		tb.Helper()
		sqlExec(tb, db, sqliteRow, id, []byte{}, "", time.Now().Add(time.Hour).UnixNano(), 0)
	}
}

const sqliteRow = `INSERT INTO cloakroom_sessions (id, data, subject, expires, version) VALUES (?, ?, ?, ?, ?)`

// sqliteLock takes a lock on the file until the test ends, or the returned function
// is called.
func sqliteLock(tb testing.TB, file sqlite, kind string) (unlock func()) {
	tb.Helper()
	db := sqliteDB(tb, file)
	db.SetMaxOpenConns(1)
	sqlExec(tb, db, `BEGIN `+kind)
	unlock = func() { _ = db.Close() } // which ends the transaction
	tb.Cleanup(unlock)
	return unlock
}

func sqlExec(tb testing.TB, db *sql.DB, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%s: %v", strings.Fields(query)[0], err)
	}
}
