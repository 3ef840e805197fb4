package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// Prune implements [sessionstore.Pruner]. The TTL index of EnsureIndexes does the same
// within minutes; Prune is for those who want it sooner or have no such index.
// It finds and deletes Options.PruneBatch documents at a time. Those whose _id is no session's
// stay.
func (s *Store) Prune(ctx context.Context) (int, error) {
	removed := 0
	for {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, err
		}
		ids, err := s.batch(ctx, sound(expired(), anyID), expiresField)
		if err != nil || len(ids) == 0 {
			return removed, err
		}
		result, err := s.collection.DeleteMany(ctx, sound(expired(), oneOf(ids)))
		if err != nil {
			return removed, s.guard.Wrap(ctx, err)
		}
		removed += int(result.DeletedCount)
		// Where another process has taken all of these, it takes the next ones too.
		if len(ids) < s.o.PruneBatch || result.DeletedCount == 0 {
			return removed, nil
		}
	}
}

func oneOf(ids []bson.RawValue) bson.E {
	return bson.E{Key: idField, Value: bson.D{{Key: "$in", Value: ids}}}
}

// batch returns the ids of the first documents, in the order of a field, that meet
// the conditions. In another's, _id may be of any type.
func (s *Store) batch(ctx context.Context, conditions bson.D, order string) ([]bson.RawValue, error) {
	cursor, err := s.collection.Find(ctx, conditions, options.Find().
		SetProjection(bson.D{{Key: idField, Value: 1}}).
		SetSort(bson.D{{Key: order, Value: 1}}).
		SetLimit(int64(s.o.PruneBatch)))
	if err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	var found []struct {
		ID bson.RawValue `bson:"_id"`
	}
	if err := cursor.All(ctx, &found); err != nil {
		return nil, s.guard.Wrap(ctx, err)
	}
	ids := make([]bson.RawValue, len(found))
	for i, f := range found {
		ids[i] = f.ID
	}
	return ids, nil
}
