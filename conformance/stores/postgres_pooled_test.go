package stores_test

import (
	"context"
	"iter"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresPgBouncer runs the suite by way of a PgBouncer that gives each
// transaction whatever connection is free.
func TestPostgresPgBouncer(t *testing.T) {
	t.Parallel()
	server := servers.Any(t, servers.Postgres)
	describe(t, "postgres, PgBouncer", server.Name, server.Version)
	conformance.Run(t, postgresHarness(t, pgBouncer(t, server), false))
}

// TestPostgresTx runs the suite in a single transaction, which an error of the
// database would abort.
func TestPostgresTx(t *testing.T) {
	t.Parallel()
	server := servers.Any(t, servers.Postgres)
	describe(t, "postgres, transaction", server.Name, server.Version)
	tx, err := postgresPool(t, postgresConfig(t, server.URL)).Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }) // nothing to keep
	table, turn := postgresTable(t, tx), make(chan struct{}, 1)
	conformance.Run(t, conformance.Harness{
		Deadline: patience, // a busy machine is no store that hangs
		Open: func(t *testing.T) sessionstore.Store {
			t.Helper()
			return &oneByOne{postgresStore(t, tx, table), turn}
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			turn <- struct{}{}
			defer func() { <-turn }()
			return &oneByOne{postgresStore(tb, tx, postgresTable(t, tx)), turn}
		},
		Precision: time.Microsecond,
		Require:   every,
		MaxData:   sessionstore.DefaultMaxData,
	})
	if err := tx.Commit(t.Context()); err != nil {
		t.Errorf("Commit after the suite: %v", err)
	}
}

// A oneByOne makes calls wait for each other, as a transaction requires. A context
// that ends during a call makes the driver close the connection, and with it the
// transaction of all cases: a call that has begun is not given up.
type oneByOne struct {
	store *postgresstore.Store
	turn  chan struct{} // of capacity 1
}

func inTurn[T any](ctx context.Context, s *oneByOne, call func(ctx context.Context) (T, error)) (T, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done(): // the store says so, without a look at the connection
		return call(ctx)
	}
	if ctx.Err() == nil {
		ctx = context.WithoutCancel(ctx)
	}
	return call(ctx)
}

func (s *oneByOne) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	return inTurn(ctx, s, func(ctx context.Context) (sessionstore.Record, error) { return s.store.Load(ctx, id) })
}

func (s *oneByOne) Create(ctx context.Context, id string, r sessionstore.Record) error {
	_, err := inTurn(ctx, s, func(ctx context.Context) (any, error) { return nil, s.store.Create(ctx, id, r) })
	return err
}

func (s *oneByOne) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	_, err := inTurn(ctx, s, func(ctx context.Context) (any, error) { return nil, s.store.Update(ctx, id, old, r) })
	return err
}

func (s *oneByOne) Delete(ctx context.Context, id string) error {
	_, err := inTurn(ctx, s, func(ctx context.Context) (any, error) { return nil, s.store.Delete(ctx, id) })
	return err
}

func (s *oneByOne) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	_, err := inTurn(ctx, s, func(ctx context.Context) (any, error) { return nil, s.store.Touch(ctx, id, version, expires) })
	return err
}

func (s *oneByOne) Prune(ctx context.Context) (int, error) {
	return inTurn(ctx, s, func(ctx context.Context) (int, error) { return s.store.Prune(ctx) })
}

func (s *oneByOne) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	return inTurn(ctx, s, func(ctx context.Context) ([]sessionstore.Entry, error) { return s.store.ListSubject(ctx, subject) })
}

func (s *oneByOne) DeleteSubject(ctx context.Context, subject string) (int, error) {
	return inTurn(ctx, s, func(ctx context.Context) (int, error) { return s.store.DeleteSubject(ctx, subject) })
}

func (s *oneByOne) DeleteAll(ctx context.Context) (int, error) {
	return inTurn(ctx, s, func(ctx context.Context) (int, error) { return s.store.DeleteAll(ctx) })
}

// Scan holds its turn throughout, as the transaction does.
// Scan yields outside of its turn: who scans may write meanwhile.
func (s *oneByOne) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		type scanned struct {
			entry sessionstore.Entry
			err   error
		}
		all, err := inTurn(ctx, s, func(ctx context.Context) (all []scanned, err error) {
			for entry, err := range s.store.Scan(ctx) {
				all = append(all, scanned{entry, err})
			}
			return all, nil
		})
		if err != nil {
			all = []scanned{{err: err}}
		}
		for _, one := range all {
			if !yield(one.entry, one.err) {
				return
			}
		}
	}
}

// pgBouncer starts a PgBouncer of the test's own in front of the server and
// returns its address.
func pgBouncer(t *testing.T, server *servers.Server) *pgxpool.Config {
	t.Helper()
	bouncer := servers.OwnPgBouncer(t, server, 4)
	config := postgresConfig(t, bouncer.URL)
	config.ConnConfig.DefaultQueryExecMode = pgx.QueryExecModeExec
	wantShared(t, postgresPool(t, config))
	return config
}

// wantShared fails the test unless one client's transactions are seen on several
// connections of the server, which prepared statements don't survive.
func wantShared(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	client, err := pool.Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Release()
	first := backend(t, client)
	eventually(t, "the client is given another connection", func() bool {
		others, err := pool.Begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = others.Rollback(t.Context()) }() // nothing to keep
		return backend(t, others) == first && backend(t, client) != first
	})
}

func backend(t *testing.T, db postgresstore.DB) (pid int) {
	t.Helper()
	if err := db.QueryRow(t.Context(), `SELECT pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&pid); err != nil {
		t.Fatal(err)
	}
	return pid
}
