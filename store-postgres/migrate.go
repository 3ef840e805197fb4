package postgresstore

import (
	"context"
	_ "embed" // for schema.sql
	"errors"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

//go:embed schema.sql
var schemaSQL string

// lockMigration makes processes that migrate at once do so one after the other:
// CREATE … IF NOT EXISTS alone does not. The number is arbitrary, the lock ends
// with the transaction.
const lockMigration = "SELECT pg_advisory_xact_lock(4879251663004);\n"

// foundSQL finds the table that the other statements use, and tells its schema and
// whether it has its index.
const foundSQL = `
SELECT n.nspname::text, EXISTS (
	SELECT FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = t.oid AND c.relname = $2
) FROM pg_class t JOIN pg_namespace n ON n.oid = t.relnamespace WHERE t.oid = to_regclass($1)`

// Migrate creates the table and its index where they are missing. Any number
// of processes may call it at any time, at each start for example: where nothing is
// missing it only looks, and waits for nobody. To create something it needs the
// right to, which the other methods don't: see [Schema] to have somebody else run it.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	o, complete := s.o, false
	err := s.run(ctx, func() error {
		return s.queryRow(ctx, foundSQL, s.table, o.Table+"_subject").Scan(&o.Schema, &complete)
	})
	if complete || err != nil && !errors.Is(err, sessionstore.ErrNotFound) {
		return err
	}
	return s.run(ctx, func() error {
		// In one message, so that all of it is one transaction.
		_, err := s.db.Exec(ctx, lockMigration+render(o), pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// Schema returns the SQL that creates the table and its indexes under the names
// in o: schema.sql, for tools that manage a database's schema.
func Schema(o Options) (string, error) {
	o, err := o.resolved()
	if err != nil {
		return "", err
	}
	return render(o), nil
}

func render(o Options) string {
	name := func(suffix string) string { return pgx.Identifier{o.Table + suffix}.Sanitize() }
	return strings.NewReplacer(
		defaultTable+"_subject", name("_subject"),
		defaultTable, quoted(o),
	).Replace(schemaSQL)
}

func quoted(o Options) string {
	if o.Schema == "" {
		return pgx.Identifier{o.Table}.Sanitize()
	}
	return pgx.Identifier{o.Schema, o.Table}.Sanitize()
}
