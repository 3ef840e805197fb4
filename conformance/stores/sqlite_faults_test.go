package stores_test

import (
	"context"
	"database/sql"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// TestSqliteLocked has another connection keep the file's one lock for writers.
func TestSqliteLocked(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver).with("busy_timeout", 1)
		store := sqliteStore(t, file)
		id, r := created(t, store)
		next := r
		next.Version++
		unlock := sqliteLock(t, file, "IMMEDIATE")
		wantVersion(t, "Load beside a writer", store, id, r.Version)
		for method, err := range map[string]error{
			"Create": store.Create(t.Context(), randomID(), r),
			"Update": store.Update(t.Context(), id, r.Version, next),
			"Touch":  store.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Hour)),
			"Delete": store.Delete(t.Context(), id),
		} {
			wantNoSentinel(t, err)
			if err == nil || !strings.Contains(err.Error(), "another connection keeps the database locked") {
				t.Errorf("%s while another writes: %v, want it to say so", method, err)
			}
		}
		unlock()
		eventually(t, "the lock is free", func() bool { return store.Update(t.Context(), id, r.Version, next) == nil })
	})
}

// TestSqliteWaitsForTheLock shows that a context ends the wait for the lock, and that
// without one it goes on until the lock is free.
func TestSqliteWaitsForTheLock(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		store := sqliteStore(t, file)
		id, r := created(t, store)
		next := r
		next.Version++
		unlock := sqliteLock(t, file, "IMMEDIATE")
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := store.Touch(ctx, id, r.Version, r.Expires.Add(time.Hour))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Touch that has to wait: %v, want %v", err, context.DeadlineExceeded)
		}
		result := make(chan error, 1)
		go func() { result <- store.Update(t.Context(), id, r.Version, next) }()
		unlock()
		if err := <-result; err != nil {
			t.Errorf("Update that waited: %v", err)
		}
	})
}

// TestSqliteReadOnly has a file, with a table and without one, that may only be read.
func TestSqliteReadOnly(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		id, r := created(t, sqliteStore(t, file))
		file.mode = "ro"
		store := sqliteStore(t, file)
		if _, err := store.Load(t.Context(), id); err != nil {
			t.Errorf("Load: %v", err)
		}
		if err := store.Migrate(t.Context()); err != nil {
			t.Errorf("Migrate where nothing is missing: %v", err)
		}
		another := sqlStore(t, sqliteDB(t, file), sqlstore.SQLite, sqlstore.Options{Table: "another"})
		for method, err := range map[string]error{
			"Create":  store.Create(t.Context(), randomID(), r),
			"Update":  store.Update(t.Context(), id, r.Version, sessionstore.Record{Expires: r.Expires, Version: 9}),
			"Delete":  store.Delete(t.Context(), id),
			"Migrate": another.Migrate(t.Context()),
		} {
			wantNoSentinel(t, err)
			if err == nil || !strings.Contains(err.Error(), "readonly") {
				t.Errorf("%s: %v, want it to say that the database is readonly", method, err)
			}
		}
	})
}

func TestSqliteFull(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		store := sqliteSmall(t, sqliteFile(t, driver), 32)
		id, r := created(t, store)
		large := r
		large.Version++
		large.Data = make([]byte, 1<<20)
		err := store.Update(t.Context(), id, r.Version, large)
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "full") {
			t.Errorf("Update that does not fit: %v, want it to say that the database is full", err)
		}
		wantVersion(t, "Load", store, id, r.Version)
	})
}

// TestSqliteInMemory has databases of which each connection of the pool would see
// another.
func TestSqliteInMemory(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		for _, name := range []string{":memory:", "file::memory:?cache=shared", "file:shop?mode=memory&cache=shared", ""} {
			db, err := sql.Open(driver, name)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() }) // it has nothing
			err = sqlStore(t, db, sqlstore.SQLite, sqlstore.Options{}).Migrate(t.Context())
			if err == nil || !strings.Contains(err.Error(), "memory") {
				t.Errorf("Migrate of %q: %v, want it to be refused", name, err)
			}
		}
	})
}

// TestSqliteDamaged has rows that only a table without constraints can have, and a
// file that is none of SQLite's.
func TestSqliteDamaged(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		store := sqliteStore(t, file)
		later, subject := time.Now().Add(time.Hour).UnixNano(), "subject-"+randomID()
		loose := sqliteDB(t, file.with("ignore_check_constraints", 1))
		for what, row := range map[string][]any{
			"version zero":             {[]byte("secret"), subject, later, 0},
			"text for data":            {"secret", subject, later, 1},
			"text for an expiry":       {[]byte("x"), subject, "secret", 1},
			"text for a version":       {[]byte("x"), subject, later, "secret"},
			"a fraction for a version": {[]byte("x"), subject, later, 1.5},
		} {
			id := randomID()
			if _, err := sqliteDB(t, file).ExecContext(t.Context(), sqliteRow, append([]any{id}, row...)...); err == nil {
				t.Errorf("the table takes %s", what)
			}
			sqlExec(t, loose, sqliteRow, append([]any{id}, row...)...)
			_, err := store.Load(t.Context(), id)
			if !errors.Is(err, sessionstore.ErrCorrupt) || strings.Contains(err.Error(), "secret") {
				t.Errorf("Load of %s: %v, want ErrCorrupt and no data", what, err)
			}
			_, err = store.ListSubject(t.Context(), subject)
			if !errors.Is(err, sessionstore.ErrCorrupt) || strings.Contains(err.Error(), "secret") {
				t.Errorf("ListSubject with %s: %v, want ErrCorrupt and no data", what, err)
			}
			if err := store.Delete(t.Context(), id); err != nil {
				t.Errorf("Delete of %s: %v", what, err)
			}
		}

		ruined := sqliteFile(t, driver)
		path := ruined.path + ".txt"
		if err := os.WriteFile(path, []byte(strings.Repeat("no database\n", 1000)), 0o600); err != nil {
			t.Fatal(err)
		}
		ruined.path = path
		err := sqliteStore(t, ruined).Migrate(t.Context())
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "not a database") {
			t.Errorf("Migrate of another file: %v, want it to say so", err)
		}
	})
}

// TestSqliteMigrateAtOnce starts many processes' worth of Migrate together on a file
// that isn't there, with a name that has to be quoted.
func TestSqliteMigrateAtOnce(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		o := sqlstore.Options{Table: `Robert"); DROP TABLE students;--`}
		missing := sqlStore(t, sqliteDB(t, file), sqlstore.SQLite, o)
		_, err := missing.Load(t.Context(), randomID())
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "call Migrate") {
			t.Errorf("Load without a table: %v, want Migrate to be named", err)
		}
		var all sync.WaitGroup
		for range 8 {
			store := sqlStore(t, sqliteDB(t, file), sqlstore.SQLite, o)
			all.Go(func() {
				if err := store.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate: %v", err)
				}
			})
		}
		all.Wait()
		created(t, missing)

		sqlExec(t, sqliteDB(t, file), `CREATE TABLE users (id TEXT PRIMARY KEY, name TEXT)`)
		err = sqlStore(t, sqliteDB(t, file), sqlstore.SQLite, sqlstore.Options{Table: "users"}).Migrate(t.Context())
		if err == nil || !strings.Contains(err.Error(), "not the store's") {
			t.Errorf("Migrate of a table of another program: %v, want it to say so", err)
		}
	})
}
