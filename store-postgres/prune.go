package postgresstore

import (
	"context"
)

// The table is read in pieces of so many pages, of 8 KiB as a rule, so that no statement
// takes long, and none waits for a row that is locked. Rows are deleted by their id, and
// judged again when they are: one that was extended meanwhile stays.
const (
	// A partitioned table has no pages of its own. Its partitions are read side by side.
	pagesSQL = `
SELECT coalesce((SELECT max(pg_relation_size(relid)) FROM pg_partition_tree(to_regclass($1))), pg_relation_size(to_regclass($1)))
	/ current_setting('block_size')::bigint`

	pruneSQL = `
DELETE FROM {table} WHERE id = ANY (ARRAY(
	SELECT id FROM {table}
	WHERE ctid >= format('(%s,0)', $1::bigint)::tid AND ctid < format('(%s,0)', $2::bigint)::tid
	AND expires <= clock_timestamp() AND version <> 0
	LIMIT $3 FOR UPDATE SKIP LOCKED
)) AND expires <= clock_timestamp()`

	prunePages = 64
)

// Prune implements [sessionstore.Pruner]. It goes through the table once, deletes
// Options.PruneBatch rows at most with each statement and passes over rows that are
// locked: no request waits for more than one batch, and several processes may do it at
// the same time.
func (s *Store) Prune(ctx context.Context) (int, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return 0, err
	}
	var pages *int64 // NULL: there is no such table, as the next statement says
	err := s.run(ctx, func() error { return s.queryRow(ctx, pagesSQL, s.table).Scan(&pages) })
	if err != nil {
		return 0, err
	}
	last := int64(0)
	if pages != nil {
		last = *pages
	}
	removed := 0
	for from := int64(0); from <= last; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, err
		}
		var batch int
		err := s.run(ctx, func() error {
			tag, err := s.exec(ctx, pruneSQL, from, from+prunePages, s.o.PruneBatch)
			batch = int(tag.RowsAffected())
			return err
		})
		removed += batch
		if err != nil {
			return removed, err
		}
		if batch < s.o.PruneBatch {
			from += prunePages
		}
	}
	return removed, nil
}
