package sqlstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const touchSQL = `UPDATE {table} SET expires = ? WHERE id = ? AND version = ? AND ` + liveSQL + ` AND expires <= {latest}`

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		touched, err := s.exec(ctx, s.touch, s.time(expires), s.text(id), int64(version)) //nolint:gosec // bits
		if err != nil || touched > 0 {
			return err
		}
		// MySQL counts no row that has the expiry already.
		there, err := s.live(ctx, id)
		if err == nil && there != version {
			err = sessionstore.ErrConflict
		}
		return err
	})
}
