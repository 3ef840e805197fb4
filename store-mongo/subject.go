package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// ListSubject implements [sessionstore.SubjectIndex]. A damaged record of the subject gives
// sessionstore.ErrCorrupt, with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	cursor, err := s.collection.Find(ctx, bson.D{of(subject), notExpired()})
	if err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	var found []bson.Raw
	if err := cursor.All(ctx, &found); err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	var entries []sessionstore.Entry
	var damaged error
	for _, raw := range found {
		e, err := decode(raw, true)
		switch {
		case errors.Is(err, errOthers): // which Scan passes over as well
		case err != nil:
			damaged = err
		case e.Record.Subject != subject:
			return nil, errSwapped
		default:
			entries = append(entries, e)
		}
	}
	return entries, damaged
}

// DeleteSubject implements [sessionstore.SubjectIndex]. It deletes damaged records of the
// subject too, without counting them. Documents whose _id is no session's stay. If it fails,
// some records may be deleted, and are not counted.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	ours, whole := bson.D{of(subject), anyID}, sound(live())
	result, err := s.collection.DeleteMany(ctx, bson.D{{Key: "$and", Value: bson.A{ours, whole}}})
	if err != nil {
		return 0, s.guard.Wrap(ctx, err)
	}
	deleted := int(result.DeletedCount)
	// What has expired by this process's clock may be live by another's.
	_, err = s.collection.DeleteMany(ctx, append(ours, neither(whole)))
	return deleted, s.guard.Wrap(ctx, err)
}
