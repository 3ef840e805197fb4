package stores_test

import (
	"context"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

// TestPostgresPartitioned prunes a table that is partitioned by the hash of the id, and
// more than a statement's pages large.
func TestPostgresPartitioned(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := "cloakroom_" + ownSpace()
	postgresExec(t, pool, `CREATE TABLE `+table+` (
		id text COLLATE "C" NOT NULL PRIMARY KEY, data bytea NOT NULL, subject text COLLATE "C" NOT NULL,
		expires timestamptz NOT NULL, version bigint NOT NULL
	) PARTITION BY HASH (id)`)
	t.Cleanup(func() {
		_, _ = pool.Exec(context.WithoutCancel(t.Context()), `DROP TABLE `+table) // tidying
	})
	for i, remainder := range []string{"0", "1"} {
		part := table + "_" + remainder
		postgresExec(t, pool, `CREATE TABLE `+part+` PARTITION OF `+table+` FOR VALUES WITH (MODULUS 2, REMAINDER `+remainder+`)`)
		if i == 0 {
			postgresExec(t, pool, `ALTER TABLE `+part+` SET (fillfactor = 10)`) // they differ in size
		}
	}
	store := postgresStore(t, pool, table)
	for range 2 {
		if err := store.Migrate(t.Context()); err != nil {
			t.Fatalf("Migrate: %v", err)
		}
	}
	const expired, live = 10_000, 100
	postgresFill(t, pool, table, expired, live)
	if n, err := store.Prune(t.Context()); n != expired || err != nil {
		t.Errorf("Prune: %d, %v, want %d", n, err, expired)
	}
	if n, err := store.DeleteAll(t.Context()); n != live || err != nil {
		t.Errorf("DeleteAll: %d, %v, want %d", n, err, live)
	}
}

// TestPostgresMigrateSaysWhatCannotWork has tables that are there, and which the
// application can't use.
func TestPostgresMigrateSaysWhatCannotWork(t *testing.T) {
	t.Parallel()
	server := postgres(t)
	admin := postgresPool(t, server)
	table := postgresTable(t, admin)
	role := "r" + ownSpace()
	postgresExec(t, admin, `CREATE ROLE `+role+` LOGIN PASSWORD 'cloakroom'`)
	t.Cleanup(func() {
		_, _ = admin.Exec(context.WithoutCancel(t.Context()), `DROP OWNED BY `+role+`; DROP ROLE `+role, pgx.QueryExecModeSimpleProtocol)
	})
	limited := server.Copy()
	limited.ConnConfig.User, limited.ConnConfig.Password = role, "cloakroom"
	with := func(server *pgxpool.Config, mode pgx.QueryExecMode, name, value string) *pgxpool.Config {
		config := server.Copy()
		config.ConnConfig.DefaultQueryExecMode = mode
		config.ConnConfig.RuntimeParams[name] = value
		return config
	}
	everything := `GRANT SELECT, INSERT, UPDATE, DELETE ON ` + table + ` TO ` + role
	for _, c := range []struct {
		name   string
		before string
		server *pgxpool.Config
		want   string // in the error, none if empty
	}{
		{"no rights", `SELECT`, limited, "lacks SELECT, INSERT, UPDATE, DELETE on"},
		{"a right is missing", `GRANT SELECT, INSERT, DELETE ON ` + table + ` TO ` + role, limited, "lacks UPDATE on"},
		{"single columns", `GRANT UPDATE (data, subject, expires, version) ON ` + table + ` TO ` + role, limited, ""},
		{"all rights", everything, limited, ""},
		{"security of rows", `ALTER TABLE ` + table + ` ENABLE ROW LEVEL SECURITY`, limited, "row-level security"},
		{"security of rows, for the owner", `SELECT`, server, ""},
		{"bytes as text", `SELECT`, with(server, pgx.QueryExecModeExec, "bytea_output", "escape"), "bytea_output"},
		{"bytes as they are", `SELECT`, with(server, pgx.QueryExecModeCacheDescribe, "bytea_output", "escape"), ""},
		{"a German date", `SELECT`, with(server, pgx.QueryExecModeExec, "datestyle", "German"), "datestyle"},
		{"a date as bytes", `SELECT`, with(server, pgx.QueryExecModeDescribeExec, "datestyle", "German"), ""},
		{"no schema", `SELECT`, with(server, pgx.QueryExecModeExec, "search_path", ""), "search_path"},
	} {
		postgresExec(t, admin, c.before)
		err := postgresStore(t, postgresPool(t, c.server), table).Migrate(t.Context())
		wantNoSentinel(t, err)
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: Migrate gives error %v, want it to say %q", c.name, err, c.want)
		}
	}
	missing := postgresStoreOf(t, postgresPool(t, limited), postgresstore.Options{Table: table + "_missing"})
	if err := missing.Migrate(t.Context()); err != nil && !strings.Contains(err.Error(), "schema.sql") { // PostgreSQL 14 lets it
		t.Errorf("Migrate of a role that may not create tables: %v, want it to name schema.sql", err)
	}
}
