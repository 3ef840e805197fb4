package postgresstore

import (
	"cmp"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The comparison with ” repeats the condition of the index.
const listSQL = rowsSQL + `
WHERE subject = $1 AND subject <> '' AND (expires > clock_timestamp() OR version = 0)`

// ListSubject implements [sessionstore.SubjectIndex]. A row of the subject that is no record
// gives sessionstore.ErrCorrupt, with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	var list []scanned
	err := s.run(ctx, func() error {
		rows, err := s.query(ctx, listSQL, subject)
		if err != nil {
			return err
		}
		list, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (scanned, error) {
			e, err := scanEntry(row)
			switch {
			case errors.Is(err, errForeign):
				return scanned{e, err}, nil
			case err == nil && e.Record.Subject != subject:
				err = errSwapped
			}
			return scanned{e, nil}, err
		})
		return err //nolint:wrapcheck // run does
	})
	if err != nil {
		return nil, err
	}
	var entries []sessionstore.Entry
	for _, e := range list {
		if err = cmp.Or(err, e.err); e.err == nil {
			entries = append(entries, e.Entry)
		}
	}
	return entries, err
}

// Rows are locked in the order of their ids, so that two such statements can't
// wait for each other.
const deleteSubjectSQL = `
WITH current AS (
	SELECT id, expires, version FROM {table} WHERE subject = $1 AND subject <> '' ORDER BY id FOR UPDATE
), deleted AS (
	DELETE FROM {table} AS kept USING current WHERE kept.id = current.id{deleted}
)
SELECT count(*) FROM current WHERE expires > clock_timestamp() AND version <> 0`

// DeleteSubject implements [sessionstore.SubjectIndex]. It deletes all or, if it
// fails, none.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	var deleted int
	err := s.run(ctx, func() error {
		return s.queryRow(ctx, deleteSubjectSQL, subject).Scan(&deleted)
	})
	if err != nil {
		return 0, err
	}
	return deleted, nil
}
