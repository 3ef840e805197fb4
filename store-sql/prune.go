package sqlstore

import "context"

// The table has no index on expires: each Update and each Touch would pay for it, more
// than Prune gains. Prune goes through the table once, in the order in which the database
// keeps the rows, so that neighbours are deleted together. Rows are judged again when they
// are deleted: one that was extended meanwhile stays.
const (
	pruneEndSQL = `SELECT count(*), max(place), coalesce(sum(present >= expires), 0)
FROM (SELECT {place} AS place, expires FROM {table} WHERE {place} > ? ORDER BY {place} LIMIT {batch}) AS batch,
	(SELECT {now} AS present) AS clock`

	pruneSQL = `DELETE FROM {table} WHERE {place} > ? AND {place} <= ? AND ` + overSQL
)

// Prune implements [sessionstore.Pruner]. It looks at Options.PruneBatch rows with one
// statement and deletes those that have expired with another, if there are any: no
// request waits for more than one batch, and several processes may do it at the same time.
func (s *Store) Prune(ctx context.Context) (int, error) {
	type batch struct {
		rows, expired int
		last          any
	}
	removed := 0
	for after := s.d.first; ; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, err
		}
		b, err := read(ctx, s, func() (b batch, err error) {
			err = s.queryRow(ctx, s.pruneEnd, after).Scan(&b.rows, &b.last, &b.expired)
			return b, err //nolint:wrapcheck // read does
		})
		if err == nil && b.expired > 0 {
			var n int
			n, err = run(ctx, s, func() (int, error) { return s.exec(ctx, s.prune, after, b.last) })
			removed += n
		}
		if err != nil || b.rows < s.o.PruneBatch {
			return removed, err
		}
		after = b.last
	}
}
