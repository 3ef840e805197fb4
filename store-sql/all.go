package sqlstore

import (
	"bytes"
	"context"
)

// Batches follow the order of ids and go through them once: rows that are added
// meanwhile don't keep DeleteAll busy. Each begins with the id that the last one ended
// with, the first with the empty id. What is left of a batch when its live records
// have been deleted is none; a record that comes to stand there stays.
const (
	batchEndSQL = `SELECT count(*), max(id) FROM (
	SELECT id FROM {table} WHERE id >= ? ORDER BY id LIMIT {batch}) AS batch`

	deleteSomeSQL = `DELETE FROM {table} WHERE id >= ? AND id <= ? AND `
	deleteLiveSQL = deleteSomeSQL + liveSQL
	deleteRestSQL = deleteSomeSQL + notLiveSQL
)

// A bound is an id in a place of its order. In SQLite that is text, or a BLOB behind it.
type bound struct{ id any }

// Scan implements [sql.Scanner].
func (b *bound) Scan(v any) error {
	switch v := v.(type) {
	case nil: // there are no rows
	case string:
		b.id = v
	case []byte:
		b.id = bytes.Clone(v) // it is the driver's
	default:
		return errForeign
	}
	return nil
}

// A batch ends with an id.
type batch struct {
	rows int
	last bound
}

// DeleteAll implements [sessionstore.AllDeleter]. It deletes Options.PruneBatch rows at a
// time, and every row of the table.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	deleted := 0
	for first := s.text(""); ; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		b, err := read(ctx, s, func() (b batch, err error) {
			err = s.queryRow(ctx, s.batchEnd, first).Scan(&b.rows, &b.last)
			return b, err //nolint:wrapcheck // run does
		})
		if err != nil || b.rows == 0 {
			return deleted, err
		}
		live, err := run(ctx, s, func() (int, error) { return s.exec(ctx, s.deleteLive, first, b.last.id) })
		deleted += live
		if err == nil && live < b.rows {
			err = s.do(ctx, func() error { _, err := s.exec(ctx, s.deleteRest, first, b.last.id); return err })
		}
		if err != nil || b.rows < s.o.PruneBatch {
			return deleted, err
		}
		first = b.last.id
	}
}
