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
		touch := func(indexed []byte) answer {
			return s.call(ctx, touchScript, id, ttl(expires), indexed, encodeVersion(version), encodeTime(expires))
		}
		a := touch(nil)
		if a.unindexed { // as long as the version is the same, the subject is
			a = s.indexing(ctx, a.subject, id, expires, touch)
		}
		return a.err
	})
}
