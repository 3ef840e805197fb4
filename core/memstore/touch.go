package memstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	sh := s.shard(id)
	sh.mu.Lock()
	defer sh.mu.Unlock()
	it, ok := sh.items[id]
	switch {
	case !ok || !it.live(time.Now()):
		return sessionstore.ErrNotFound
	case it.record.Version != version:
		return sessionstore.ErrConflict
	}
	it.record.Expires = toUTC(expires)
	sh.expiry.fix(it)
	return nil
}
