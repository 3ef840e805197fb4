package redisstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher]. It sends and rewrites the expiry alone.
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	return s.guard.Do(ctx, func() error {
		b := encodeVersion(version)
		a := s.call(ctx, touchScript, id, ttl(expires), nil, b, encodeTime(expires))
		if !a.unindexed {
			return a.err
		}
		indexed, err := s.index(ctx, a.subject, id, expires)
		if err != nil {
			return err
		}
		// As long as the version is the same, the subject is.
		return s.call(ctx, touchScript, id, ttl(expires), encodeTime(indexed), b, encodeTime(expires)).err
	})
}
