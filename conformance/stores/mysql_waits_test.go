package stores_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestMysqlKilled kills the connection of a write that waits for a lock.
func TestMysqlKilled(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	store := mysqlStore(t, mysqlDB(t, server), table)
	id, r := created(t, store)
	next := r
	next.Version++
	err := mysqlBlocked(t, admin, table, id,
		func() error { return store.Update(t.Context(), id, r.Version, next) },
		func(_ *sql.Tx, waiting int) { sqlExec(t, admin, `KILL ?`, waiting) })
	if err == nil {
		t.Error("Update on a connection that was killed reports success")
	}
	wantNoSentinel(t, err)
	wantVersion(t, "Load on the next connection", store, id, r.Version)
}

// TestMysqlUndone has the server give up on a write that waits for a lock; the store
// repeats it.
func TestMysqlUndone(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	server.Params = map[string]string{"innodb_lock_wait_timeout": "1"}
	db := mysqlDB(t, server)
	db.SetMaxOpenConns(1)
	store := mysqlStore(t, db, table)
	id, r := created(t, store)
	next := r
	next.Version++
	err := mysqlBlocked(t, admin, table, id,
		func() error { return store.Update(t.Context(), id, r.Version, next) },
		func(*sql.Tx, int) { <-time.After(1500 * time.Millisecond) })
	var name string
	var updates int
	if err := db.QueryRowContext(t.Context(), `SHOW SESSION STATUS LIKE 'Com_update'`).Scan(&name, &updates); err != nil {
		t.Fatal(err)
	}
	if err != nil || updates < 2 {
		t.Errorf("Update that was undone: %v after %d statements, want success after several", err, updates)
	}
}

// TestMysqlWaits has each write wait for another transaction and shows that it judges
// what that one has left, not what was there when it began.
func TestMysqlWaits(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := mysqlTable(t, db)
	store := mysqlStore(t, db, table)
	update := func(id string, r sessionstore.Record) error {
		old := r.Version
		r.Version = 8
		return store.Update(t.Context(), id, old, r)
	}
	touch := func(id string, r sessionstore.Record) error {
		return store.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Minute))
	}
	for _, c := range []struct {
		name, sql string
		call      func(string, sessionstore.Record) error
		want      error
	}{
		{"updated, Update", "SET version = 99", update, sessionstore.ErrConflict},
		{"updated, Touch", "SET version = 99", touch, sessionstore.ErrConflict},
		{"touched, Update", "SET expires = expires + 1000000", update, nil},
		{"expired, Update", "SET expires = 1", update, sessionstore.ErrNotFound},
		{"expired, Touch", "SET expires = 1", touch, sessionstore.ErrNotFound},
	} {
		id, r := created(t, store)
		err := mysqlBlocked(t, db, table, id,
			func() error { return c.call(id, r) },
			func(tx *sql.Tx, _ int) {
				if _, err := tx.ExecContext(t.Context(), "UPDATE `"+table+"` "+c.sql+" WHERE id = ?", id); err != nil {
					t.Fatal(err)
				}
			})
		if !errors.Is(err, c.want) {
			t.Errorf("%s meanwhile: %v, want %v", c.name, err, c.want)
		}
	}
}

// mysqlBlocked calls write while another transaction holds the row under id, calls
// meanwhile with the write's connection when it is seen to wait, commits, and returns
// what write returned.
func mysqlBlocked(t *testing.T, db *sql.DB, table, id string, write func() error, meanwhile func(tx *sql.Tx, waiting int)) error {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	if _, err := tx.ExecContext(t.Context(), "SELECT version FROM `"+table+"` WHERE id = ? FOR UPDATE", id); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() { result <- write() }()
	waiting := mysqlSeenToWait(t, db, "UPDATE", table)
	meanwhile(tx, waiting)
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	return <-result
}

// mysqlSeenToWait returns the connection of a statement on the table when it waits for a
// lock: without one to wait for it would not be seen twice.
func mysqlSeenToWait(t *testing.T, db *sql.DB, statement, table string) (connection int) {
	t.Helper()
	seen := 0
	eventually(t, "the write waits for the lock", func() bool {
		if db.QueryRowContext(t.Context(), `SELECT id FROM information_schema.processlist
			WHERE info LIKE CONCAT(?, '%', ?, '%')`, statement, table).Scan(&connection) == nil {
			seen++
		}
		return seen == 5
	})
	return connection
}

// TestMysqlDeadlock has DeleteSubject and a heavier transaction wait for each other. The
// server undoes what DeleteSubject has done, and the store does it again.
func TestMysqlDeadlock(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	db := mysqlDB(t, server)
	table := mysqlTable(t, db)
	own := mysqlDB(t, server)
	own.SetMaxOpenConns(1)
	store := mysqlStore(t, own, table)
	const first, last = "A", "B"
	id := func(s string) string { return strings.Repeat(s, sessionstore.IDLen) }
	r := sessionstore.Record{Subject: "alice", Expires: time.Now().Add(time.Hour), Version: 7}
	for _, s := range []string{first, last} {
		if err := store.Create(t.Context(), id(s), r); err != nil {
			t.Fatal(err)
		}
	}
	others := make([]string, 20) // which make the other transaction the heavier one
	for i := range others {
		others[i], _ = created(t, store)
	}

	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }() // a no-op after Commit
	update := func(ids ...string) {
		t.Helper()
		for _, id := range ids {
			if _, err := tx.ExecContext(t.Context(), "UPDATE `"+table+"` SET version = version + 1 WHERE id = ?", []byte(id)); err != nil {
				t.Fatalf("the other transaction: %v", err)
			}
		}
	}
	update(others...)
	update(id(last))
	result := make(chan error, 1)
	go func() {
		n, err := store.DeleteSubject(t.Context(), r.Subject)
		if err == nil && n != 2 {
			err = fmt.Errorf("it deletes %d records", n)
		}
		result <- err
	}()
	mysqlSeenToWait(t, db, "DELETE", table)
	update(id(first))
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
	if err := <-result; err != nil {
		t.Errorf("DeleteSubject in a deadlock: %v", err)
	}
	var name string
	var deletes int
	if err := own.QueryRowContext(t.Context(), `SHOW SESSION STATUS LIKE 'Com_delete'`).Scan(&name, &deletes); err != nil {
		t.Fatal(err)
	}
	if deletes < 3 { // two without a deadlock
		t.Errorf("%d statements, want the one that was undone again", deletes)
	}
}
