package mongostore

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/mongo/readconcern"
	"go.mongodb.org/mongo-driver/v2/mongo/readpref"
	"go.mongodb.org/mongo-driver/v2/mongo/writeconcern"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in a collection of MongoDB. It is safe for
// concurrent use.
type Store struct {
	collection *mongo.Collection
	o          Options
	guard      *sessionstore.Guard
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
)

// New returns a store in a collection that should hold nothing else. It sends
// nothing to the server; see [Store.EnsureIndexes]. It returns an error if collection is
// nil or has no name, or if an option can't work. The store does not disconnect the
// collection's client.
func New(collection *mongo.Collection, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if collection == nil {
		return nil, errors.New("mongostore: collection is nil: want one such as client.Database(…).Collection(…) returns")
	}
	if collection.Name() == "" || collection.Database().Name() == "" {
		return nil, errors.New("mongostore: the database or the collection has no name: want client.Database(…).Collection(…)")
	}
	// What a majority hasn't got yet is read all the same: the version in it is
	// the one that an Update has to name. Its own acknowledgement by a majority
	// covers what it was based on.
	//
	// How the application's other documents are written is no matter of a session's.
	collection = collection.Clone(options.Collection().
		SetRegistry(bson.NewRegistry()).
		SetBSONOptions(&options.BSONOptions{}).
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Local()).
		SetWriteConcern(writeconcern.Majority()))
	return &Store{collection: collection, o: o, guard: o.guard()}, nil
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	return s.find(ctx, id, nil)
}

// createAttempts bounds how often Create starts again because the obstacle that
// it met has gone, which takes others that create and delete the same id.
const createAttempts = 32

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	var err error
	for range createAttempts {
		_, err = s.collection.InsertOne(ctx, encode(id, r))
		if !mongo.IsDuplicateKeyError(err) {
			return s.guard.Wrap(ctx, err)
		}
		replaced, failed := s.replace(ctx, id, r, sound(expired())...)
		if replaced || failed != nil {
			return failed
		}
		was, failed := s.find(ctx, id, nil)
		switch {
		case failed == nil && was.Version == r.Version:
			return nil
		case failed == nil:
			return sessionstore.ErrExists
		case !errors.Is(failed, sessionstore.ErrNotFound):
			return failed
		}
	}
	return s.guard.Wrap(ctx, err)
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	if old != 0 {
		if replaced, err := s.replace(ctx, id, r, live(), is(old)); replaced || err != nil {
			return err
		}
	}
	was, err := s.find(ctx, id, withoutData)
	switch {
	case err != nil:
		return err
	case was.Version == r.Version:
		return nil
	case was.Version == old:
		// It was created in between: there was none to replace.
		return sessionstore.ErrNotFound
	}
	return sessionstore.ErrConflict
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	_, err := s.collection.DeleteOne(ctx, bson.D{{Key: idField, Value: id}})
	return s.guard.Wrap(ctx, err)
}

// find returns the live record under id, of which projection leaves the data
// out.
func (s *Store) find(ctx context.Context, id string, projection any) (sessionstore.Record, error) {
	raw, err := s.collection.FindOne(ctx, bson.D{{Key: idField, Value: id}},
		options.FindOne().SetProjection(projection)).Raw()
	if err != nil {
		return sessionstore.Record{}, s.guard.Wrap(ctx, err)
	}
	e, err := decode(raw, projection == nil)
	switch {
	case err != nil:
		return sessionstore.Record{}, err
	case e.ID != id:
		return sessionstore.Record{}, errSwapped
	case !e.Record.Live():
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	return e.Record, nil
}

// replace writes r over the document under id if that meets the conditions, and
// reports whether it did.
func (s *Store) replace(ctx context.Context, id string, r sessionstore.Record, conditions ...bson.E) (bool, error) {
	result, err := s.collection.ReplaceOne(ctx, byID(id, conditions...), encode(id, r))
	if err != nil {
		return false, s.guard.Wrap(ctx, err)
	}
	return result.MatchedCount == 1, nil
}
