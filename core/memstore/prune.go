package memstore

import (
	"container/heap"
	"context"
	"time"
)

const (
	// expiredPerWrite is how many expired records a write removes beside its own
	// work: with two, writing alone keeps dead records from piling up.
	expiredPerWrite = 2

	// pruneBatch is how many records Prune removes while it holds a lock.
	pruneBatch = 256
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
		if len(sh.expiry) == 0 || sh.expiry[0].live(now) {
			return n
		}
		s.remove(sh, sh.expiry[0])
	}
	return limit
}

// An expiryHeap has the item that expires first at its top.
type expiryHeap []*item

func (h *expiryHeap) push(it *item)   { heap.Push((*heapOrder)(h), it) }
func (h *expiryHeap) fix(it *item)    { heap.Fix((*heapOrder)(h), it.index) }
func (h *expiryHeap) remove(it *item) { heap.Remove((*heapOrder)(h), it.index) }

// heapOrder implements heap.Interface for expiryHeap.
type heapOrder []*item

func (h heapOrder) Len() int           { return len(h) }
func (h heapOrder) Less(i, j int) bool { return h[i].record.Expires.Before(h[j].record.Expires) }

func (h heapOrder) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i, j
}

func (h *heapOrder) Push(x any) {
	it := x.(*item) //nolint:forcetypeassert,errcheck // only push calls it
	it.index = len(*h)
	*h = append(*h, it)
}

func (h *heapOrder) Pop() any {
	last := len(*h) - 1
	it := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	return it
}
