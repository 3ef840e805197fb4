package postgresstore

import (
	"context"
)

// Batches follow the order of ids, in which all statements lock rows, and go
// through them once: rows that are added meanwhile don't keep DeleteAll busy. The first
// begins with the empty id, which a row may have that is no record.
const deleteAllSQL = `
WITH current AS (
	SELECT id, expires, version FROM {table} WHERE id >= $1 AND (id > $1 OR $1 = '') ORDER BY id LIMIT $2 FOR UPDATE
), deleted AS (
	DELETE FROM {table} AS kept USING current WHERE kept.id = current.id{deleted}
)
SELECT count(*), count(*) FILTER (WHERE expires > clock_timestamp() AND version <> 0), coalesce(max(id), '') FROM current`

// DeleteAll implements [sessionstore.AllDeleter]. It deletes Options.PruneBatch rows with
// each statement, and every row of the table.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	deleted := 0
	for last := ""; ; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		var rows, live int
		err := s.run(ctx, func() error {
			return s.queryRow(ctx, deleteAllSQL, last, s.o.PruneBatch).Scan(&rows, &live, &last)
		})
		if err != nil {
			return deleted, err
		}
		deleted += live
		if rows < s.o.PruneBatch {
			return deleted, nil
		}
	}
}
