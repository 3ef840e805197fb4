package mongostore

import (
	"context"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// DeleteAll implements [sessionstore.AllDeleter]. It finds and deletes
// Options.PruneBatch documents at a time: those whose _id is a session's, whatever
// else they hold. Other documents stay.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	deleted := 0
	for last := any(""); ; {
		if err := s.guard.CheckContext(ctx); err != nil {
			return deleted, err
		}
		// In the order of _id the collection is gone through once: what is added
		// meanwhile doesn't keep DeleteAll busy.
		ids, err := s.batch(ctx, bson.D{after(last)}, idField)
		if err != nil {
			return deleted, err
		}
		n, err := s.deleteEach(ctx, ids)
		deleted += n
		if err != nil || len(ids) < s.o.PruneBatch {
			return deleted, err
		}
		last = ids[len(ids)-1]
	}
}

// deleteEach deletes the documents with a session's id among these, and reports how
// many live sessions they were.
func (s *Store) deleteEach(ctx context.Context, ids []bson.RawValue) (int, error) {
	ours := make([]bson.RawValue, 0, len(ids))
	for _, id := range ids {
		if text, ok := id.StringValueOK(); ok && sessionstore.CheckID(text) == nil {
			ours = append(ours, id)
		}
	}
	if len(ours) == 0 {
		return 0, nil
	}
	result, err := s.collection.DeleteMany(ctx, sound(live(), oneOf(ours)))
	if err != nil {
		return 0, s.guard.Wrap(ctx, err)
	}
	deleted := int(result.DeletedCount)
	if deleted == len(ours) {
		return deleted, nil
	}
	// What is left has expired or is damaged, and doesn't count.
	_, err = s.collection.DeleteMany(ctx, bson.D{oneOf(ours)})
	return deleted, s.guard.Wrap(ctx, err)
}
