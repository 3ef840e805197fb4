package postgresstore

import (
	"context"
)

// The rows are chosen once, through an array, whatever plan the database makes.
// statement_timestamp, unlike clock_timestamp, can be looked up in an index.
const pruneSQL = `
DELETE FROM {table} WHERE id = ANY (ARRAY(
	SELECT id FROM {table}
	WHERE expires <= statement_timestamp() AND version <> 0
	ORDER BY expires LIMIT $1
	FOR UPDATE SKIP LOCKED
))`

// Prune implements [sessionstore.Pruner]. It deletes Options.PruneBatch rows with each
// statement and passes over rows that are locked: no request waits for more than
// one batch, and several processes share the work.
func (s *Store) Prune(ctx context.Context) (int, error) {
	removed := 0
	for {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, err
		}
		var batch int
		err := s.run(ctx, func() error {
			tag, err := s.exec(ctx, pruneSQL, s.o.PruneBatch)
			batch = int(tag.RowsAffected())
			return err
		})
		removed += batch
		if err != nil || batch < s.o.PruneBatch {
			return removed, err
		}
	}
}
