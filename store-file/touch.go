package filestore

import (
	"context"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

// Touch implements [session.Toucher]. It costs as much as an Update.
func (s *Store) Touch(ctx context.Context, id string, expires time.Time) error {
	if err := check(ctx, id); err != nil {
		return err
	}
	if err := session.CheckExpires(expires); err != nil {
		return err
	}
	return s.exclusively(ctx, id, func() error {
		r, err := s.read(id)
		switch {
		case err != nil:
			return err
		case !live(r):
			return session.ErrNotFound
		}
		r.Expires = expires
		return s.put(id, encode(id, r), r.Subject, r.Subject)
	})
}
