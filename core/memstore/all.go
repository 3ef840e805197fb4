package memstore

import (
	"context"
	"time"
)

// deleteBatch is how many records DeleteAll deletes while it holds a lock.
const deleteBatch = 64

// DeleteAll implements [sessionstore.AllDeleter].
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	deleted := 0
	for i := range s.shards {
		for more := true; more; {
			if err := s.guard.CheckContext(ctx); err != nil {
				return deleted, err
			}
			var n int
			n, more = s.deleteBatch(&s.shards[i])
			deleted += n
		}
	}
	return deleted, nil
}

// deleteBatch deletes some records of a shard. It reports how many live ones these
// were, and whether there are more.
func (s *Store) deleteBatch(sh *shard) (deleted int, more bool) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	now := time.Now()
	for range min(deleteBatch, len(sh.expiry)) {
		last := sh.expiry[len(sh.expiry)-1] // whose removal moves no other
		if sh.slots[last].live(now) {
			deleted++
		}
		id := sh.slots[last].packedID()
		s.watches.tell(id.text())
		s.remove(sh, last)
	}
	return deleted, len(sh.expiry) > 0
}
