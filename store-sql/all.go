package sqlstore

import (
	"context"
)

// Batches follow the order of ids and go through them once: rows that are added
// meanwhile don't keep DeleteAll busy. What is left of a batch when its live records
// have been deleted is none; a record that comes to stand there stays.
const (
	batchEndSQL = `SELECT count(*), coalesce(max(id), '') FROM (
	SELECT id FROM {table} WHERE id > ? ORDER BY id LIMIT {batch}) AS batch`

	deleteLiveSQL = `DELETE FROM {table} WHERE id > ? AND id <= ? AND version <> 0 AND expires > {now}`
	deleteRestSQL = `DELETE FROM {table} WHERE id > ? AND id <= ? AND (version = 0 OR expires <= {now})`
)

// A batch ends with an id.
type batch struct {
	rows int
	last text
}

// DeleteAll implements [sessionstore.AllDeleter]. It deletes Options.PruneBatch rows at a
// time, and every row of the table.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	deleted := 0
	for after := text(""); ; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		b, err := read(ctx, s, func() (b batch, err error) {
			err = s.queryRow(ctx, s.batchEnd, s.text(string(after))).Scan(&b.rows, &b.last)
			return b, err //nolint:wrapcheck // run does
		})
		if err != nil || b.rows == 0 {
			return deleted, err
		}
		bounds := []any{s.text(string(after)), s.text(string(b.last))}
		live, err := run(ctx, s, func() (int, error) { return s.exec(ctx, s.deleteLive, bounds...) })
		deleted += live
		if err == nil && live < b.rows {
			err = s.do(ctx, func() error { _, err := s.exec(ctx, s.deleteRest, bounds...); return err })
		}
		if err != nil || b.rows < s.o.PruneBatch {
			return deleted, err
		}
		after = b.last
	}
}
