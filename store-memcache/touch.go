package memcachestore

import (
	"context"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	session "github.com/cloakroom-go/cloakroom/core"
)

// Touch implements [session.Toucher]. It reads and writes the whole record, as
// the expiry that counts is in it.
func (s *Store) Touch(ctx context.Context, id string, expires time.Time) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	if err := session.CheckExpires(expires); err != nil {
		return err
	}
	return do(ctx, func() error {
		return s.swap(ctx, id, func(cur session.Record) (*memcache.Item, error) {
			cur.Expires = expires
			return s.item(id, cur), nil
		})
	})
}
