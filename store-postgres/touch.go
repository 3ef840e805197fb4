package postgresstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const touchSQL = lockSQL + `, written AS (
	UPDATE {table} AS kept SET expires = $2 FROM current
	WHERE kept.id = current.id AND current.version = $3 AND current.version <> 0 AND current.expires > clock_timestamp()
	RETURNING kept.id
)` + verdictSQL

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	was, written, err := s.change(ctx, touchSQL, id, roundUp(expires), int64(version)) //nolint:gosec // bits
	switch {
	case err != nil || written:
		return err
	case was == version: // it has expired between the write and the verdict
		return sessionstore.ErrNotFound
	}
	return sessionstore.ErrConflict
}
