package memstore

import (
	"context"
	"errors"
	"iter"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Scan implements [sessionstore.Scanner]. It holds the ids of one in 256 records at a
// time.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for i := range s.shards {
			for _, packed := range s.shards[i].ids() {
				id := packed.text()
				r, err := s.Load(ctx, id)
				if errors.Is(err, sessionstore.ErrNotFound) {
					continue // expired, or ended since
				}
				if err != nil {
					yield(sessionstore.Entry{}, err)
					return
				}
				if !yield(sessionstore.Entry{ID: id, Record: r}, nil) {
					return
				}
			}
		}
		if err := s.guard.CheckContext(ctx); err != nil {
			yield(sessionstore.Entry{}, err)
		}
	}
}

func (sh *shard) ids() []packedID {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	ids := make([]packedID, len(sh.expiry))
	for n, i := range sh.expiry {
		ids[n] = sh.slots[i].packedID()
	}
	return ids
}
