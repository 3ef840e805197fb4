package memcachestore

import (
	"context"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher]. It writes the whole record, as the expiry
// that counts is in it.
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	if seen, ok := s.seen.take(id); ok && seen.whole && seen.record.Version == version {
		seen.record.Expires = expires
		if err := s.swap(ctx, s.item(id, seen.record), seen.casID); !raced(err) {
			return err
		}
	}
	return s.replace(ctx, id, func(cur sessionstore.Record) (*memcache.Item, error) {
		if cur.Version != version {
			return nil, sessionstore.ErrConflict
		}
		cur.Expires = expires
		return s.item(id, cur), nil
	})
}
