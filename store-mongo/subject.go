package mongostore

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// ListSubject implements [sessionstore.SubjectIndex]. A damaged record of the subject gives
// sessionstore.ErrCorrupt, with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	cursor, err := s.collection.Find(ctx, bson.D{{Key: subjectField, Value: subject}, notExpired()})
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
		case err != nil:
			damaged = err
		case sessionstore.CheckID(e.ID) != nil: // somebody else's, which Scan passes over as well
		case e.Record.Subject != subject:
			return nil, fmt.Errorf("%w: the answer is about another subject", sessionstore.ErrCorrupt)
		default:
			entries = append(entries, e)
		}
	}
	return entries, damaged
}

// DeleteSubject implements [sessionstore.SubjectIndex]. It deletes damaged records of the
// subject too, without counting them. If it fails, some records may be deleted, and
// are not counted.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	ours, whole := bson.E{Key: subjectField, Value: subject}, sound(live())
	result, err := s.collection.DeleteMany(ctx, bson.D{{Key: "$and", Value: bson.A{bson.D{ours}, whole}}})
	if err != nil {
		return 0, s.guard.Wrap(ctx, err)
	}
	deleted := int(result.DeletedCount)
	// What has expired by this process's clock may be live by another's.
	_, err = s.collection.DeleteMany(ctx, bson.D{ours, {Key: "$nor", Value: bson.A{whole}}})
	return deleted, s.guard.Wrap(ctx, err)
}
