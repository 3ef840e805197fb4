package mongostore

import (
	"context"
	"errors"
	"iter"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// scanPage is how many documents Scan reads with one command.
const scanPage = 100

// Scan implements [sessionstore.Scanner]. It reads a hundred documents with each
// command, in the order of _id, and passes over those whose _id is no session's.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for last := any(""); ; {
			page, err := s.page(ctx, last)
			if err != nil {
				yield(sessionstore.Entry{}, err)
				return
			}
			for _, raw := range page {
				last = raw.Lookup(idField)
				e, err := decode(raw, true)
				if !errors.Is(err, errOthers) && !yield(e, err) {
					return
				}
			}
			if len(page) < scanPage {
				return
			}
		}
	}
}

// page returns the documents that follow an id.
func (s *Store) page(ctx context.Context, last any) ([]bson.Raw, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return nil, err
	}
	cursor, err := s.collection.Find(ctx,
		bson.D{after(last), notExpired()},
		options.Find().SetSort(bson.D{{Key: idField, Value: 1}}).SetLimit(scanPage))
	if err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	var page []bson.Raw
	if err := cursor.All(ctx, &page); err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	return page, nil
}
