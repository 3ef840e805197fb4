package mongostore

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// ttlGrace is how long after its expiry the server removes a document by itself:
// the clocks of applications that still take it for live may be behind the server's.
const ttlGrace = 10 * time.Minute

// EnsureIndexes creates the indexes where they are missing: one that has the
// server remove expired records, one for ListSubject and DeleteSubject. Any
// number of processes may call it at any time, at each start for example. The
// store is right without them, and slow where they would have helped.
func (s *Store) EnsureIndexes(ctx context.Context) error {
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	_, err := s.collection.Indexes().CreateMany(ctx, []mongo.IndexModel{
		{
			Keys:    bson.D{{Key: expiresField, Value: 1}},
			Options: options.Index().SetExpireAfterSeconds(int32(ttlGrace / time.Second)),
		},
		{
			Keys: bson.D{{Key: subjectField, Value: 1}},
			Options: options.Index().SetPartialFilterExpression(
				bson.D{{Key: subjectField, Value: bson.D{{Key: greater, Value: ""}}}}),
		},
	})
	return s.guard.Wrap(ctx, err)
}
