package stores_test

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// mysqlServer returns where a server is that tests share.
func mysqlServer(t *testing.T) *mysql.Config {
	t.Helper()
	return mysqlConfig(t, servers.Any(t, servers.MySQL).URL)
}

// TestMysqlConnections shows that what a connection is set to makes no difference.
func TestMysqlConnections(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	plain := mysqlStore(t, mysqlDB(t, server), table)
	for name, set := range map[string]func(*mysql.Config){
		"a time zone":            func(c *mysql.Config) { c.Params = map[string]string{"time_zone": "'+13:00'"} },
		"parseTime and a place":  func(c *mysql.Config) { c.ParseTime, c.Loc = true, time.FixedZone("", 5*3600) },
		"matched rows":           func(c *mysql.Config) { c.ClientFoundRows = true },
		"prepared":               func(c *mysql.Config) { c.InterpolateParams = false },
		"prepared, matched rows": func(c *mysql.Config) { c.InterpolateParams, c.ClientFoundRows = false, true },
		"no strictness":          func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "''"} },
		"ANSI":                   func(c *mysql.Config) { c.Params = map[string]string{"sql_mode": "'ANSI,NO_BACKSLASH_ESCAPES'"} },
		"latin1":                 func(c *mysql.Config) { c.Params = map[string]string{"character_set_connection": "'latin1'"} },
		"autocommit":             func(c *mysql.Config) { c.Params = map[string]string{"autocommit": "1"} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := server.Clone()
			set(config)
			store := mysqlStore(t, mysqlDB(t, config), table)
			id := randomID()
			subject := "é  " + id + strings.Repeat("ü", 100) + " " // the other subtests share the table
			r := sessionstore.Record{
				Data: []byte("\x00'\"\\\xff\n"), Subject: subject, Expires: time.Now().Add(time.Hour), Version: 1<<63 + 7,
			}
			if err := store.Create(t.Context(), id, r); err != nil {
				t.Fatal(err)
			}
			if err := store.Touch(t.Context(), id, r.Version, r.Expires); err != nil {
				t.Errorf("Touch to the same expiry: %v", err)
			}
			if err := store.Touch(t.Context(), id, r.Version+1, r.Expires); !errors.Is(err, sessionstore.ErrConflict) {
				t.Errorf("Touch of another version: %v", err)
			}
			if err := store.Update(t.Context(), id, r.Version, r); err != nil {
				t.Errorf("Update that changes nothing: %v", err)
			}
			got, err := plain.Load(t.Context(), id)
			if err != nil || !bytes.Equal(got.Data, r.Data) || got.Subject != subject || got.Version != r.Version ||
				got.Expires.Sub(r.Expires) > time.Microsecond || got.Expires.Before(r.Expires) {
				t.Errorf("another connection reads %+v, %v, want %+v", got, err, r)
			}
			isIt := func(e sessionstore.Entry) bool { return e.ID == id }
			list, err := store.ListSubject(t.Context(), subject)
			if err != nil || !slices.ContainsFunc(list, isIt) {
				t.Errorf("ListSubject returns %d entries, %v", len(list), err)
			}
			for what, other := range map[string]string{
				"without accents": "e  " + id + strings.Repeat("u", 100) + " ", "cut": subject[:191], "trimmed": strings.TrimSpace(subject),
			} {
				if list, err := plain.ListSubject(t.Context(), other); err != nil || slices.ContainsFunc(list, isIt) {
					t.Errorf("ListSubject of the subject %s lists it: %v", what, err)
				}
			}
			if n, err := store.DeleteSubject(t.Context(), subject); err != nil || n < 1 {
				t.Errorf("DeleteSubject: %d, %v", n, err)
			}
		})
	}
}

// TestMysqlExpiresByTheServersClock has a table whose rows are a minute old or young,
// as applications would write them whose clocks are wrong.
func TestMysqlExpiresByTheServersClock(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := mysqlTable(t, db)
	store := mysqlStore(t, db, table)
	live, dead := randomID(), randomID()
	for id, at := range map[string]string{live: "+ INTERVAL 1 MINUTE", dead: "- INTERVAL 1 MICROSECOND"} {
		sqlExec(t, db, "INSERT INTO `"+table+"` (id, data, subject, expires, version) "+
			"VALUES (?, '', '', TIMESTAMPDIFF(MICROSECOND, '1970-01-01', UTC_TIMESTAMP(6) "+at+"), 7)", id)
	}
	if r, err := store.Load(t.Context(), live); err != nil || time.Until(r.Expires).Abs() > time.Hour {
		t.Errorf("Load of what has a minute: expires %v, %v", r.Expires, err)
	}
	if _, err := store.Load(t.Context(), dead); !errors.Is(err, sessionstore.ErrNotFound) {
		t.Errorf("Load of what has expired: %v", err)
	}
	if n, err := store.Prune(t.Context()); n != 1 || err != nil {
		t.Errorf("Prune removes %d, %v, want 1", n, err)
	}
}

// TestMysqlRefusesAutocommitOff has a connection that would keep what it writes to
// itself, in a transaction whose snapshot never ends.
func TestMysqlRefusesAutocommitOff(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	table := mysqlTable(t, mysqlDB(t, server))
	server.Params = map[string]string{"autocommit": "0"}
	store := mysqlStore(t, mysqlDB(t, server), table)
	err := store.Create(t.Context(), randomID(), sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1})
	if err == nil || !strings.Contains(err.Error(), "autocommit") {
		t.Errorf("Create: %v, want it to be refused", err)
	}
	if err := store.Migrate(t.Context()); err == nil || !strings.Contains(err.Error(), "autocommit") {
		t.Errorf("Migrate: %v, want it to be refused", err)
	}
}

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

func TestMysqlMissingTable(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := "t_" + randomID()
	store := mysqlStore(t, db, table)
	r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
	_, errLoad := store.Load(t.Context(), randomID())
	_, errPrune := store.Prune(t.Context())
	for method, err := range map[string]error{
		"Load": errLoad, "Prune": errPrune, "Create": store.Create(t.Context(), randomID(), r),
	} {
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "call Migrate") || !strings.Contains(err.Error(), table) {
			t.Errorf("%s: %v, want Migrate and the table to be named", method, err)
		}
	}
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS `"+table+"`") // tidying
	})
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := store.Migrate(t.Context()); err != nil {
				t.Errorf("Migrate: %v", err)
			}
		})
	}
	all.Wait()
	id, _ := created(t, store)
	if _, err := db.ExecContext(t.Context(), mysqlRow(table), id[1:]+"~", []byte{}, "", 1, 0); err == nil {
		t.Error("the table takes version zero")
	}
}

// TestMysqlRights migrates and works as a user who may not create tables.
func TestMysqlRights(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	user := "u" + strings.ToLower(randomID()[:20])
	sqlExec(t, admin, "CREATE USER '"+user+"'@'%' IDENTIFIED BY 'Cloak-Room-1'")
	t.Cleanup(func() {
		_, _ = admin.ExecContext(context.WithoutCancel(t.Context()), "DROP USER '"+user+"'@'%'") // tidying
	})
	sqlExec(t, admin, "GRANT SELECT, INSERT, UPDATE, DELETE ON `"+server.DBName+"`.`"+table+"` TO '"+user+"'@'%'")
	limited := server.Clone()
	limited.User, limited.Passwd = user, "Cloak-Room-1"
	store := mysqlStore(t, mysqlDB(t, limited), table)
	if err := store.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate where nothing is missing: %v", err)
	}
	created(t, store)
	if n, err := store.DeleteAll(t.Context()); n != 1 || err != nil {
		t.Errorf("DeleteAll: %d, %v, want 1", n, err)
	}
}

// TestMysqlCost counts statements as the server does, for its connection.
func TestMysqlCost(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	db.SetMaxOpenConns(1)
	asked := 0
	wantCosts(t, mysqlStore(t, db, mysqlTable(t, db)), 1, 0, func() (questions int) {
		var name string
		if err := db.QueryRowContext(t.Context(), `SHOW SESSION STATUS LIKE 'Questions'`).Scan(&name, &questions); err != nil {
			t.Fatal(err)
		}
		asked++
		return questions - asked
	})
}

// TestMysqlOthersTable has a table of another program under the name, which stays as
// it is.
func TestMysqlOthersTable(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	table := "t_" + randomID()
	sqlExec(t, db, "CREATE TABLE `"+table+"` (id INT PRIMARY KEY, name TEXT)")
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS `"+table+"`") // tidying
	})
	store := mysqlStore(t, db, table)
	_, errLoad := store.Load(t.Context(), randomID())
	r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}
	for method, err := range map[string]error{
		"Migrate": store.Migrate(t.Context()), "Load": errLoad, "Create": store.Create(t.Context(), randomID(), r),
	} {
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "not the store's") {
			t.Errorf("%s: %v, want it to say that the table is not the store's", method, err)
		}
	}
}

// TestMysqlReadOnly has a connection that may only read.
func TestMysqlReadOnly(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlServer(t))
	db.SetMaxOpenConns(1)
	store := mysqlStore(t, db, mysqlTable(t, db))
	id, r := created(t, store)
	sqlExec(t, db, "SET SESSION TRANSACTION READ ONLY")
	if _, err := store.Load(t.Context(), id); err != nil {
		t.Errorf("Load: %v", err)
	}
	if err := store.Migrate(t.Context()); err != nil {
		t.Errorf("Migrate where nothing is missing: %v", err)
	}
	err := store.Update(t.Context(), id, r.Version, sessionstore.Record{Expires: r.Expires, Version: 9})
	wantNoSentinel(t, err)
	if err == nil || !strings.Contains(err.Error(), "READ ONLY") {
		t.Errorf("Update: %v, want it to say that one can only read", err)
	}
	sqlExec(t, db, "SET SESSION TRANSACTION READ WRITE")
	if err := store.Delete(t.Context(), id); err != nil {
		t.Errorf("Delete when one can write again: %v", err)
	}
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

// TestMysqlSmall has a server that takes small packets, and soon has no room left.
func TestMysqlSmall(t *testing.T) {
	t.Parallel()
	const packet = 1 << 20
	server := mysqlConfig(t, servers.Own(t, servers.MySQL, "--max-allowed-packet=1M",
		"--innodb-file-per-table=0", "--innodb-data-file-path=ibdata1:12M:autoextend:max:100M").URL)
	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	const most = packet - 1<<10
	for _, data := range []string{"x", "'"} { // the second is twice as long in a statement
		for name, set := range map[string]func(*mysql.Config){
			"interpolated":               func(*mysql.Config) {},
			"prepared":                   func(c *mysql.Config) { c.InterpolateParams = false },
			"a driver that does not ask": func(c *mysql.Config) { c.MaxAllowedPacket = 64 << 20 },
		} {
			config := server.Clone()
			set(config)
			db := mysqlDB(t, config)
			db.SetMaxOpenConns(1)
			store := mysqlStore(t, db, table)
			id, r := created(t, store)
			next := r
			next.Version, next.Data = 8, bytes.Repeat([]byte(data), most)
			err := store.Update(t.Context(), id, r.Version, next)
			if config.MaxAllowedPacket == 0 || data == "x" {
				if err != nil {
					t.Errorf("%s: Update with the largest data of %q: %v", name, data, err)
				}
			} else if got, loaded := store.Load(t.Context(), id); err == nil || loaded != nil || got.Version != r.Version {
				// The server may close the connection before it says why.
				t.Errorf("%s: Update that is too long: %v, then there is version %d, %v", name, err, got.Version, loaded)
			}
			next.Data = append(next.Data, 'x')
			if err := store.Create(t.Context(), randomID(), next); !errors.Is(err, sessionstore.ErrTooLarge) {
				t.Errorf("%s: Create with one byte too many: %v", name, err)
			}
		}
	}

	store := mysqlStore(t, admin, table)
	var full error
	r := sessionstore.Record{Data: bytes.Repeat([]byte("x"), most), Expires: time.Now().Add(time.Hour), Version: 7}
	last := ""
	for range 200 {
		id := randomID()
		if full = store.Create(t.Context(), id, r); full != nil {
			break
		}
		last = id
	}
	wantNoSentinel(t, full)
	if full == nil || !strings.Contains(full.Error(), "full") {
		t.Errorf("Create when there is no room: %v, want it to say that the table is full", full)
	}
	if got, err := store.Load(t.Context(), last); err != nil || got.Version != r.Version {
		t.Errorf("Load when there is no room: version %d, %v", got.Version, err)
	}
}
