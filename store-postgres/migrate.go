package postgresstore

import (
	"cmp"
	"context"
	_ "embed" // for schema.sql
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

//go:embed schema.sql
var schemaSQL string

// lockMigration makes processes that migrate at once do so one after the other:
// CREATE … IF NOT EXISTS alone does not. The number is arbitrary, the lock ends
// with the transaction.
const lockMigration = "SELECT pg_advisory_xact_lock(4879251663004);\n"

// foundSQL finds the table that the other statements use. It tells its schema, whether it
// has its index, which of the application's rights the role lacks, and whether rows are
// hidden from it. The first two columns show whether the driver can read what a row has.
const foundSQL = `
SELECT decode('00', 'hex'), clock_timestamp(),
	coalesce(n.nspname::text, ''),
	EXISTS (SELECT FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid WHERE x.indrelid = t.oid AND c.relname = $2),
	array_to_string(ARRAY(
		SELECT needed FROM unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS needed
		WHERE CASE needed WHEN 'DELETE' THEN NOT has_table_privilege(t.oid, needed) ELSE NOT has_any_column_privilege(t.oid, needed) END
	), ', '),
	coalesce(row_security_active(t.oid), false)
FROM (SELECT to_regclass($1)::oid AS oid) AS named
LEFT JOIN pg_class t ON t.oid = named.oid LEFT JOIN pg_namespace n ON n.oid = t.relnamespace`

// Migrate creates the table and its index of subjects where they are missing. Any number
// of processes may call it at any time, at each start for example: where nothing is
// missing it only looks, and waits for nobody. To create something it needs the
// right to, which the other methods don't: see [SchemaSQL] to have somebody else run it.
//
// It returns an error if the other methods would fail for want of a right, if row-level
// security applies to the role, or if the driver can't read what the connection's
// settings make of a row.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	o := s.o
	var lacks string
	var complete, hidden bool
	err := s.run(ctx, func() error {
		return s.queryRow(ctx, foundSQL, s.table, o.Table+"_subject").
			Scan(new([]byte), new(time.Time), &o.Schema, &complete, &lacks, &hidden)
	})
	switch {
	case err != nil:
		return err
	case lacks != "":
		return fmt.Errorf("postgresstore: the role lacks %s on table %s: grant them", lacks, s.table)
	case hidden:
		return fmt.Errorf("postgresstore: row-level security of table %s applies to the role, "+
			"and who ends a session that is hidden ends nothing: disable it for this table, or give the role BYPASSRLS", s.table)
	case complete:
		return nil
	}
	o.Schema = cmp.Or(o.Schema, s.o.Schema)
	return s.run(ctx, func() error {
		// In one message, so that all of it is one transaction.
		_, err := s.db.Exec(ctx, lockMigration+render(o), pgx.QueryExecModeSimpleProtocol)
		return err
	})
}

// SchemaSQL returns the SQL that creates the table and its index under the names
// in o: schema.sql, for tools that manage a database's schema.
func SchemaSQL(o Options) (string, error) {
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
