package redisstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher]. It sends and rewrites the expiry alone.
func (s *Store) Touch(ctx context.Context, id string, expires time.Time) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	if err := sessionstore.CheckExpires(expires); err != nil {
		return err
	}
	return do(ctx, func() error {
		a := s.call(ctx, touchScript, id, ttl(expires), nil, encodeTime(expires), "")
		for a.unindexed {
			indexed, err := s.index(ctx, a.subject, id, expires)
			if err != nil {
				return err
			}
			// Should the record have got another subject meanwhile, the script says so.
			a = s.call(ctx, touchScript, id, ttl(expires), encodeTime(indexed), encodeTime(expires), a.subject)
		}
		return a.err
	})
}
