package stores_test

import (
	"context"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/need"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresNames has a schema and a table whose names have to be quoted.
func TestPostgresNames(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	o := postgresstore.Options{Schema: "My " + randomID(), Table: `Robert"); DROP TABLE students;--`}
	schema := pgx.Identifier{o.Schema}.Sanitize()
	postgresExec(t, pool, `CREATE SCHEMA `+schema)
	t.Cleanup(func() {
		_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP SCHEMA `+schema+` CASCADE`) // tidying
	})
	store, err := postgresstore.New(pool, o)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatalf("Migrate: %v", err)
		}
	}
	id, r := created(t, store)
	wantVersion(t, "Load", store, id, r.Version)
}

// TestPostgresCost counts statements as the server does.
func TestPostgresCost(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	if _, err := pool.Exec(t.Context(), `CREATE EXTENSION IF NOT EXISTS pg_stat_statements; SELECT FROM pg_stat_statements`); err != nil {
		need.Missing(t, "the server doesn't count statements: "+err.Error(), "servers", "postgres")
	}
	table := postgresTable(t, pool)
	wantCosts(t, postgresStore(t, pool, table), 1, 0, func() (calls int) {
		if err := pool.QueryRow(t.Context(), `SELECT coalesce(sum(calls), 0) FROM pg_stat_statements WHERE query LIKE '%' || $1 || '%'`,
			pgx.QueryExecModeExec, table).Scan(&calls); err != nil {
			t.Fatal(err)
		}
		return calls
	})
}

func TestPostgresMissingTable(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := postgresTable(t, pool)
	store := postgresStore(t, pool, table)
	id, r := created(t, store)
	postgresExec(t, pool, `DROP TABLE `+table)
	_, errLoad := store.Load(t.Context(), id)
	_, errPrune := store.Prune(t.Context())
	_, errList := store.ListSubject(t.Context(), "somebody")
	for method, err := range map[string]error{
		"Load":        errLoad,
		"Create":      store.Create(t.Context(), id, r),
		"Update":      store.Update(t.Context(), id, r.Version, r),
		"Delete":      store.Delete(t.Context(), id),
		"Touch":       store.Touch(t.Context(), id, r.Version, r.Expires),
		"Prune":       errPrune,
		"ListSubject": errList,
	} {
		wantCode(t, err, "42P01")
		wantNoSentinel(t, err)
		if err == nil || !strings.Contains(err.Error(), "call Migrate") || !strings.Contains(err.Error(), table) {
			t.Errorf("%s: %v, want Migrate and the table to be named", method, err)
		}
	}

	missing, err := postgresstore.New(pool, postgresstore.Options{Schema: "no such"})
	if err != nil {
		t.Fatal(err)
	}
	err = missing.Migrate(t.Context())
	wantCode(t, err, "3F000")
	if !strings.Contains(err.Error(), "Options.Schema") {
		t.Errorf("Migrate in a schema that is missing: %v, want the option to be named", err)
	}
}

// TestPostgresMigrateLeavesWhatIsThere migrates while a transaction of another process
// has written to the table, which keeps an index from being created, and when a schema
// has come to stand before the table's in the search_path.
func TestPostgresMigrateLeavesWhatIsThere(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := postgresTable(t, pool)
	tx, err := pool.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(t.Context())) }() // it was only to hold locks
	created(t, postgresStore(t, tx, table))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := postgresStore(t, pool, table).Migrate(ctx); err != nil {
		t.Errorf("Migrate beside a transaction that writes: %v", err)
	}

	schema := pgx.Identifier{"before " + randomID()}.Sanitize()
	postgresExec(t, pool, `CREATE SCHEMA `+schema)
	t.Cleanup(func() {
		_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP SCHEMA `+schema+` CASCADE`) // tidying
	})
	config := postgres(t)
	config.ConnConfig.RuntimeParams["search_path"] = schema + ", public"
	if err := tx.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
	shadowed := postgresPool(t, config)
	for what, ruin := range map[string]string{"complete": `SELECT`, "without an index": `DROP INDEX ` + table + `_subject`} {
		postgresExec(t, pool, ruin)
		if err := postgresStore(t, shadowed, table).Migrate(ctx); err != nil {
			t.Errorf("%s: Migrate: %v", what, err)
		}
		var tables, indexes int
		row := pool.QueryRow(ctx, `SELECT count(*) FILTER (WHERE relkind = 'r'), count(*) FILTER (WHERE relkind = 'i')
			FROM pg_class WHERE relname IN ($1::text, $1 || '_subject')`, pgx.QueryExecModeExec, table)
		if err := row.Scan(&tables, &indexes); err != nil {
			t.Fatal(err)
		}
		if tables != 1 || indexes != 1 {
			t.Errorf("%s: there are %d tables and %d indexes, want 1 and 1", what, tables, indexes)
		}
	}
}

// TestPostgresMigrateAtOnce starts many processes' worth of Migrate together.
func TestPostgresMigrateAtOnce(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	server.MaxConns = 16
	pool := postgresPool(t, server)
	table := postgresTable(t, pool)
	store := postgresStore(t, pool, table)
	for range 5 {
		postgresExec(t, pool, `DROP TABLE `+table)
		var all sync.WaitGroup
		for range server.MaxConns {
			all.Go(func() {
				if err := store.Migrate(t.Context()); err != nil {
					t.Errorf("Migrate: %v", err)
				}
			})
		}
		all.Wait()
	}
}
