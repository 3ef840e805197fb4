package postgresstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const extendSQL = `
UPDATE {table} SET expires = $2
WHERE id = $1 AND version = $3 AND expires > clock_timestamp() AND expires <= {latest} RETURNING id`

const touchSQL = lockSQL + `, written AS (
	UPDATE {table} AS kept SET expires = $2 FROM current
	WHERE kept.id = current.id AND current.version = $3 AND current.version <> 0
		AND current.expires > clock_timestamp() AND current.expires <= {latest}
	RETURNING kept.id
)` + verdictSQL

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	at, over := roundUp(expires), int64(version) //nolint:gosec // bits
	if version != 0 {
		if done, err := s.atOnce(ctx, extendSQL, id, at, over); done || err != nil {
			return err
		}
	}
	was, written, err := s.change(ctx, touchSQL, id, at, over)
	switch {
	case err != nil || written:
		return err
	case was == version: // it has expired between the write and the verdict
		return sessionstore.ErrNotFound
	}
	return sessionstore.ErrConflict
}
