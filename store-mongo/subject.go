package mongostore

import (
	"context"
	"fmt"

	"go.mongodb.org/mongo-driver/v2/bson"

	session "github.com/cloakroom-go/cloakroom/core"
)

// ListSubject implements [session.SubjectIndex].
func (s *Store) ListSubject(ctx context.Context, subject string) ([]session.Entry, error) {
	if err := checkSubject(ctx, subject); err != nil {
		return nil, err
	}
	cursor, err := s.collection.Find(ctx, bson.D{{Key: subjectField, Value: subject}, live()})
	if err != nil {
		return nil, wrap(ctx, err)
	}
	var found []bson.Raw
	if err := cursor.All(ctx, &found); err != nil {
		return nil, wrap(ctx, err)
	}
	var entries []session.Entry
	for _, raw := range found {
		e, err := decode(raw, true)
		if err != nil {
			return nil, err
		}
		if e.Record.Subject != subject {
			return nil, fmt.Errorf("%w: the answer is about another subject", session.ErrCorrupt)
		}
		entries = append(entries, e)
	}
	return entries, nil
}

// DeleteSubject implements [session.SubjectIndex]. If it fails, some records may
// be deleted, and are not counted.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := checkSubject(ctx, subject); err != nil {
		return 0, err
	}
	result, err := s.collection.DeleteMany(ctx, bson.D{{Key: subjectField, Value: subject}, live()})
	if err != nil {
		return 0, wrap(ctx, err)
	}
	return int(result.DeletedCount), nil
}

func checkSubject(ctx context.Context, subject string) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("mongostore: %w", err)
	}
	return session.CheckSubject(subject)
}
