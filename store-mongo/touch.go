package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	if version != 0 {
		result, err := s.collection.UpdateOne(ctx, byID(id, live(), is(version)),
			bson.D{{Key: "$set", Value: bson.D{{Key: expiresField, Value: roundUp(expires)}}}})
		switch {
		case err != nil:
			return s.guard.Wrap(ctx, err)
		case result.MatchedCount == 1:
			return nil
		}
	}
	was, err := s.find(ctx, id, withoutData)
	switch {
	case err != nil:
		return err
	case was.Version == version:
		// It was created in between: there was none to touch.
		return sessionstore.ErrNotFound
	}
	return sessionstore.ErrConflict
}
