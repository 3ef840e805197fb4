package memstore

import (
	"context"
	"time"
)

const (
	// expiredPerWrite is how many expired records a write removes beside its own
	// work: with two, writing alone keeps dead records from piling up.
	expiredPerWrite = 2

	// pruneBatch is how many records Prune removes while it holds a lock.
	pruneBatch = 64
)

// Prune implements [sessionstore.Pruner].
func (s *Store) Prune(ctx context.Context) (int, error) {
	pruned := 0
	for i := range s.shards {
		for {
			if err := s.guard.CheckContext(ctx); err != nil {
				return pruned, err
			}
			n := s.pruneBatch(&s.shards[i])
			pruned += n
			if n < pruneBatch {
				break
			}
		}
	}
	return pruned, nil
}

func (s *Store) pruneBatch(sh *shard) int {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return s.removeExpired(sh, time.Now(), pruneBatch)
}

// removeExpired removes up to limit expired records and reports how many. The
// shard's lock is held.
func (s *Store) removeExpired(sh *shard, now time.Time, limit int) int {
	for n := range limit {
		if len(sh.expiry) == 0 || sh.slots[sh.expiry[0]].live(now) {
			return n
		}
		s.remove(sh, sh.expiry[0])
	}
	return limit
}
