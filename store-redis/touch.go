package redisstore

import (
	"context"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

// Touch implements [session.Toucher]. It sends and rewrites the expiry alone.
func (s *Store) Touch(ctx context.Context, id string, expires time.Time) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	if err := session.CheckExpires(expires); err != nil {
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
