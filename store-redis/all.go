package redisstore

import (
	"cmp"
	"context"
	"fmt"
	"sync/atomic"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// DeleteAll implements [sessionstore.AllDeleter]. It looks at every key of the database, on
// all masters of a Cluster at the same time, and deletes those that consist of the
// prefix and an id, whatever they hold. It leaves entries in the index, as Delete does:
// a record that is being created counts on its entry.
//
// If a server is restarted or fails over meanwhile, or slots of a Cluster are on
// their way, no complete list of keys is to be had, and DeleteAll returns an error. It
// knows the servers of a [redis.Client] and of a [redis.ClusterClient]; another client
// gives sessionstore.ErrUnsupported.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return 0, err
	}
	var deleted atomic.Int64
	err := s.guard.Do(ctx, func() error {
		switch client := s.client.(type) {
		case *redis.Client:
			return s.deleteOn(ctx, client, &deleted)
		case *redis.ClusterClient:
			return withinLayout(ctx, client, func() error {
				return client.ForEachMaster(ctx, func(ctx context.Context, master *redis.Client) error {
					return s.deleteOn(ctx, master, &deleted)
				})
			})
		}
		return fmt.Errorf("%w: DeleteAll by way of a %T", sessionstore.ErrUnsupported, s.client)
	})
	return int(deleted.Load()), err
}

// deleteOn deletes the records on one server and counts the live ones. It goes on
// after a record that can't be deleted.
func (s *Store) deleteOn(ctx context.Context, server *redis.Client, deleted *atomic.Int64) error {
	var failed error
	err := s.keys(ctx, server, func(ids []string) error {
		failed = cmp.Or(failed, s.deleteIDs(ctx, ids, deleted))
		return nil
	})
	return cmp.Or(failed, err)
}

// deleteIDs deletes the records under these ids and counts the live ones. What a
// record says is read just before it is deleted, since DEL doesn't tell.
func (s *Store) deleteIDs(ctx context.Context, ids []string, deleted *atomic.Int64) (failed error) {
	heads, errs := s.remove(ctx, ids...)
	for i, id := range ids {
		failed = cmp.Or(failed, errs[i])
		if r, err := decode(heads[i], id); err == nil && r.Live() {
			deleted.Add(1)
		}
	}
	return failed
}
