package sqlstore

import (
	"context"
	"fmt"
	"strings"
)

const foundSQL = `SELECT id, data, subject, expires, version FROM {table} LIMIT 0`

// Migrate creates the table and its index if the table is missing. Any number of
// processes may call it at any time, at each start for example: where nothing is
// missing it only looks, and waits for nobody. To create something it needs the right
// to, which the other methods don't: see [SchemaSQL] to have somebody else run it.
func (s *Store) Migrate(ctx context.Context) error {
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		_, err := s.rows(ctx, s.found)
		if s.kind(err) != noTable {
			return err
		}
		if err := s.create(ctx); err != nil {
			return err
		}
		_, err = s.rows(ctx, s.found) // or it is another program's
		return err
	})
}

// create runs the statements of the schema: in SQLite all of them or none.
func (s *Store) create(ctx context.Context) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err //nolint:wrapcheck // do does
	}
	defer func() { _ = tx.Rollback() }() // after Commit it does nothing
	names := named(s.d, s.o)
	for statement := range strings.SplitAfterSeq(strings.TrimSpace(s.d.schema), ";\n") {
		if _, err := tx.ExecContext(ctx, names.Replace(statement)); err != nil {
			return err //nolint:wrapcheck // the same
		}
	}
	return tx.Commit() //nolint:wrapcheck // the same
}

// SchemaSQL returns the SQL that creates the table and its index under the name in o,
// for tools that manage a database's schema.
func SchemaSQL(d Dialect, o Options) (string, error) {
	own, ok := dialects[d]
	if !ok {
		return "", fmt.Errorf("sqlstore: no dialect %d: pass sqlstore.SQLite or sqlstore.MySQL", d)
	}
	o, err := o.resolved()
	if err != nil {
		return "", err
	}
	return named(own, o).Replace(own.schema), nil
}

// named puts the names of o into a schema.
func named(d *dialect, o Options) *strings.Replacer {
	return strings.NewReplacer(
		defaultTable+"_subject", quoted(d, o.Table+"_subject"),
		defaultTable, quoted(d, o.Table),
	)
}
