package sqlstore

import "context"

// Prune implements [sessionstore.Pruner]. It deletes Options.PruneBatch rows with
// each statement: no request waits for more than one batch, and several processes
// share the work.
func (s *Store) Prune(ctx context.Context) (int, error) {
	removed := 0
	for {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, err
		}
		batch, err := run(ctx, s, func() (int, error) { return s.exec(ctx, s.prune) })
		removed += batch
		if err != nil || batch < s.o.PruneBatch {
			return removed, err
		}
	}
}
