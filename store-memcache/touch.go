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
	return s.guard.Do(ctx, func() error {
		if seen, ok := s.seen.take(id); ok && seen.whole && seen.record.Version == version {
			seen.record.Expires = expires
			item := s.item(id, seen.record)
			item.CasID = seen.casID
			if err := s.client.CompareAndSwap(item); !raced(err) {
				return err //nolint:wrapcheck // the guard does it
			}
		}
		return s.swap(ctx, id, func(cur sessionstore.Record) (*memcache.Item, error) {
			if cur.Version != version {
				return nil, sessionstore.ErrConflict
			}
			cur.Expires = expires
			return s.item(id, cur), nil
		})
	})
}
