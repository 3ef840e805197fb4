package stores_test

import (
	"context"
	"errors"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresKilled kills the connection of a write that waits for a lock.
func TestPostgresKilled(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	admin := postgresPool(t, server)
	table := postgresTable(t, admin)
	server.ConnConfig.RuntimeParams["application_name"] = table
	store := postgresStore(t, postgresPool(t, server), table)
	id, r := created(t, store)

	next := r
	next.Version++
	err := postgresBlocked(t, admin, table, id,
		func() error { return store.Update(t.Context(), id, r.Version, next) },
		func(pgx.Tx) {
			postgresExec(t, admin, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = $1`, table)
		})
	wantCode(t, err, "57P01")
	wantNoSentinel(t, err)
	wantVersion(t, "Load on the next connection", store, id, r.Version)
}

// TestPostgresRestarted kills the server after an acknowledged write, looks at it
// while it is down, and starts it again on the same data.
func TestPostgresRestarted(t *testing.T) {
	t.Parallel()
	server := servers.Own(t, servers.Postgres)
	pool := postgresPool(t, postgresConfig(t, server.URL))
	store := postgresStore(t, pool, "cloakroom_sessions")
	if err := store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	id, r := created(t, store)
	server.Kill(t)
	for range 2 { // the first connection is broken, the next one refused
		_, err := store.Load(t.Context(), id)
		wantNoSentinel(t, err)
	}
	server.Start(t)
	eventually(t, "the pool has new connections", func() bool {
		got, err := store.Load(t.Context(), id)
		if errors.Is(err, sessionstore.ErrNotFound) {
			t.Fatal("an outage is no logout")
		}
		return err == nil && got.Version == r.Version
	})
}

// TestPostgresCancelled has the server give up on a write that waits for a lock.
func TestPostgresCancelled(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	admin := postgresPool(t, server)
	table := postgresTable(t, admin)
	id, r := created(t, postgresStore(t, admin, table))
	server.ConnConfig.RuntimeParams["statement_timeout"] = "200ms"
	store := postgresStore(t, postgresPool(t, server), table)

	tx, err := admin.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // it was only to hold the lock
	postgresExec(t, tx, `UPDATE `+table+` SET version = version WHERE id = $1`, id)
	err = store.Touch(t.Context(), id, r.Version, r.Expires.Add(time.Hour))
	wantCode(t, err, "57014")
	wantNoSentinel(t, err)
}

// TestPostgresSerializationFailure shows the error in a transaction of the
// caller, where the store can't repeat the statement, and that outside it does.
func TestPostgresSerializationFailure(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	outside := postgresStore(t, pool, table)
	id, r := created(t, outside)

	tx, err := pool.BeginTx(t.Context(), pgx.TxOptions{IsoLevel: pgx.RepeatableRead})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // nothing to keep
	inside := postgresStore(t, tx, table)
	if _, err := inside.Load(t.Context(), id); err != nil { // takes the snapshot
		t.Fatal(err)
	}
	next := r
	next.Version++
	if err := outside.Update(t.Context(), id, r.Version, next); err != nil {
		t.Fatal(err)
	}
	other := r
	other.Version += 2
	err = inside.Update(t.Context(), id, r.Version, other)
	wantCode(t, err, "40001")
	wantNoSentinel(t, err)

	repeatable := server.Copy()
	repeatable.ConnConfig.RuntimeParams["default_transaction_isolation"] = "repeatable read"
	store := postgresStore(t, postgresPool(t, repeatable), table)
	err = postgresBlocked(t, pool, table, id,
		func() error { return store.Update(t.Context(), id, next.Version, other) },
		func(tx pgx.Tx) { postgresExec(t, tx, `UPDATE `+table+` SET version = 99`) })
	if !errors.Is(err, sessionstore.ErrConflict) {
		t.Errorf("Update that was undone and repeated: %v, want %v", err, sessionstore.ErrConflict)
	}
}

func TestPostgresTooManyConnections(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	admin := postgresPool(t, server)
	table := postgresTable(t, admin)
	role := table + "_role"
	postgresExec(t, admin, `CREATE ROLE `+role+` LOGIN CONNECTION LIMIT 1 PASSWORD 'x'`)
	t.Cleanup(func() {
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+role+`; DROP ROLE `+role) // tidying
	})
	postgresExec(t, admin, `GRANT ALL ON `+table+` TO `+role)
	server.ConnConfig.User, server.ConnConfig.Password = role, "x"
	first := postgresStore(t, postgresPool(t, server), table)
	id, _ := created(t, first)

	second := postgresStore(t, postgresPool(t, server), table)
	_, err := second.Load(t.Context(), id)
	wantCode(t, err, "53300")
	wantNoSentinel(t, err)
}

func TestPostgresPoolExhausted(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	server.MaxConns = 1
	pool := postgresPool(t, server)
	store := postgresStore(t, pool, postgresTable(t, pool))
	id, r := created(t, store)
	held, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "a Load has waited for a connection", func() bool { // and not just begun too late
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		_, err = store.Load(ctx, id)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("Load without a free connection: %v", err)
		}
		return pool.Stat().CanceledAcquireCount() > 0
	})
	held.Release()
	wantVersion(t, "Load when the connection is free again", store, id, r.Version)
}

// TestPostgresReset cuts the connection between a write and its answer, and
// makes the write again, as a caller does who wants to know.
func TestPostgresReset(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	direct := postgresPool(t, server)
	table := postgresTable(t, direct)
	line := newCable(t, postgresAddr(server))
	store := postgresStore(t, postgresPool(t, postgresAt(server, line.addr())), table)
	id, r := created(t, store)
	first := r.Version
	if r.Version++; store.Update(t.Context(), id, first, r) != nil {
		t.Fatal("the statement can't be prepared")
	}
	next := r
	next.Version++

	line.stall() // what is sent arrives, the answer doesn't
	result := make(chan error, 1)
	go func() { result <- store.Update(t.Context(), id, r.Version, next) }()
	watcher := postgresStore(t, direct, table)
	eventually(t, "the write arrives", func() bool {
		got, err := watcher.Load(t.Context(), id)
		return err == nil && got.Version == next.Version
	})
	line.cut()
	err := <-result
	if err == nil {
		t.Error("Update without an answer reports success")
	}
	wantNoSentinel(t, err)
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Errorf("the same Update again: %v, want success", err)
	}
}

// postgresBlocked calls write while another transaction has changed and holds
// the row under id, calls meanwhile when write is seen to wait, commits, and
// returns what write returned.
func postgresBlocked(t *testing.T, pool *pgxpool.Pool, table, id string, write func() error, meanwhile func(pgx.Tx)) error {
	t.Helper()
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // a no-op after Commit
	postgresExec(t, tx, `UPDATE `+table+` SET version = version WHERE id = $1`, id)
	result := make(chan error, 1)
	go func() { result <- write() }()
	eventually(t, "the write waits for the lock", func() bool { return postgresWaiting(t, pool, table) })
	meanwhile(tx)
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	return <-result
}

// postgresWaiting tells whether a statement on the table waits for a lock.
func postgresWaiting(t *testing.T, db postgresstore.DB, table string) bool {
	t.Helper()
	var waiting bool
	if err := db.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity
		WHERE wait_event_type = 'Lock' AND query LIKE '%' || $1 || '%')`, table).Scan(&waiting); err != nil {
		t.Fatal(err)
	}
	return waiting
}

func postgresAddr(server *pgxpool.Config) string {
	return net.JoinHostPort(server.ConnConfig.Host, strconv.Itoa(int(server.ConnConfig.Port)))
}

// postgresAt returns the configuration for a server at another address.
func postgresAt(server *pgxpool.Config, addr string) *pgxpool.Config {
	at := server.Copy()
	tcp, err := net.ResolveTCPAddr("tcp", addr)
	if err != nil {
		panic(err) // an address of a test's own
	}
	at.ConnConfig.Host, at.ConnConfig.Port = tcp.IP.String(), uint16(tcp.Port)
	at.ConnConfig.Fallbacks = nil
	return at
}

func wantCode(t *testing.T, err error, code string) {
	t.Helper()
	var e *pgconn.PgError
	if !errors.As(err, &e) || e.Code != code {
		t.Errorf("got error %v, want the database's with code %s", err, code)
	}
}
