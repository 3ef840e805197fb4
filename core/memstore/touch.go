package memstore

import (
	"container/heap"
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	packed := packID(id)
	hash := s.hash(&packed.bytes)
	sh := s.shard(hash)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	i, ok := sh.find(hash, &packed)
	switch {
	case !ok || !sh.slots[i].live(time.Now()):
		return sessionstore.ErrNotFound
	case sh.slots[i].version() != version:
		return sessionstore.ErrConflict
	}
	sh.slots[i].expires = expires.UnixNano()
	heap.Fix(order{sh}, int(sh.slots[i].heap))
	return nil
}
