package filestore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher]. It costs as much as an Update.
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	return s.exclusively(ctx, id, func() error {
		r, err := s.read(ctx, id)
		switch {
		case err != nil:
			return err
		case !r.Live():
			return sessionstore.ErrNotFound
		case r.Version != version:
			return sessionstore.ErrConflict
		}
		r.Expires = expires
		return s.put(ctx, id, r, encode(id, r), r.Subject)
	})
}
