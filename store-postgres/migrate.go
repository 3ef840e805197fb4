package postgresstore

import (
	"context"
	_ "embed" // for schema.sql
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

// lockMigration makes processes that migrate at once do so one after the other:
// CREATE … IF NOT EXISTS alone does not. The number is arbitrary, the lock ends
// with the transaction.
const lockMigration = "SELECT pg_advisory_xact_lock(4879251663004);\n"

// Migrate creates the table and its indexes where they are missing. Any number
// of processes may call it at any time, at each start for example. It needs the
// right to create tables in the schema, which the other methods don't: see
// [Schema] to have somebody else run it.
func (s *Store) Migrate(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("postgresstore: %w", err)
	}
	return s.run(ctx, func() error {
		// In one message, so that all of it is one transaction.
		_, err := s.db.Exec(ctx, lockMigration+render(s.o), pgx.QueryExecModeSimpleProtocol)
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
		defaultTable+"_expires", name("_expires"),
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
