package memcachestore

import (
	"context"
	"errors"
	"fmt"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in memcached. It is safe for concurrent use, also
// beside other Stores with the same prefix, in this process or another one.
type Store struct {
	client *memcache.Client
	o      Options
	guard  *sessionstore.Guard
	seen   *sightings
}

var _ sessionstore.Toucher = (*Store)(nil)

// New returns a store behind client, which stays the caller's to close and to
// configure. New sends nothing.
//
// A call returns when its context is done, though the driver may go on waiting
// until client.Timeout is over. The client keeps two idle connections to each
// server, too few for a busy application; its MaxIdleConns says otherwise.
func New(client *memcache.Client, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if client == nil {
		return nil, errors.New("memcachestore: client is nil: want one such as memcache.New returns")
	}
	return &Store{client: client, o: o, guard: o.guard(), seen: newSightings()}, nil
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() (sessionstore.Record, error) {
		r, casID, err := s.get(id)
		if err == nil && !r.Live() {
			err = sessionstore.ErrNotFound
		}
		if err != nil {
			return sessionstore.Record{}, err
		}
		s.seen.put(id, r, casID)
		return r, nil
	})
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.checkWrite(ctx, id, r); err != nil {
		return err
	}
	item := s.item(id, r)
	return s.guard.Do(ctx, func() error {
		for ctx.Err() == nil {
			if err := s.client.Add(item); !raced(err) {
				return err //nolint:wrapcheck // the guard does it
			}
			cur, casID, err := s.get(id)
			switch {
			case errors.Is(err, memcache.ErrCacheMiss):
				continue // it went in between
			case err != nil:
				return err
			case cur.Live() && cur.Version == r.Version:
				return nil
			case cur.Live():
				return sessionstore.ErrExists
			}
			item.CasID = casID
			if err := s.client.CompareAndSwap(item); !raced(err) {
				return err //nolint:wrapcheck // the guard does it
			}
		}
		return ctx.Err()
	})
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.checkWrite(ctx, id, r); err != nil {
		return err
	}
	item := s.item(id, r)
	return s.guard.Do(ctx, func() error {
		if seen, ok := s.seen.take(id); ok && seen.record.Version == old && r.Version != old {
			item.CasID = seen.casID
			if err := s.client.CompareAndSwap(item); !raced(err) {
				return err //nolint:wrapcheck // the guard does it
			}
		}
		return s.swap(ctx, id, func(cur sessionstore.Record) (*memcache.Item, error) {
			switch cur.Version {
			case r.Version:
				return nil, nil
			case old:
				return item, nil
			default:
				return nil, sessionstore.ErrConflict
			}
		})
	})
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.guard.Do(ctx, func() error {
		if err := s.client.Delete(s.key(id)); !errors.Is(err, memcache.ErrCacheMiss) {
			return err //nolint:wrapcheck // the guard does it
		}
		return nil
	})
}

// swap replaces the live record under id by the item that next makes of it, if
// any. If another writer is faster, it starts again.
func (s *Store) swap(
	ctx context.Context, id string, next func(cur sessionstore.Record) (*memcache.Item, error),
) error {
	for ctx.Err() == nil {
		cur, casID, err := s.get(id)
		if err == nil && !cur.Live() {
			err = sessionstore.ErrNotFound
		}
		if err != nil {
			return err
		}
		item, err := next(cur)
		if item == nil || err != nil {
			return err
		}
		item.CasID = casID
		if err := s.client.CompareAndSwap(item); !raced(err) {
			return err //nolint:wrapcheck // the guard does it
		}
	}
	return ctx.Err()
}

// get returns the record under id, which may have expired, and the number that
// tells whether it has been written again.
func (s *Store) get(id string) (sessionstore.Record, uint64, error) {
	item, err := s.client.Get(s.key(id))
	if err != nil {
		return sessionstore.Record{}, 0, err //nolint:wrapcheck // the guard does it
	}
	r, err := sessionstore.ParseRecord(item.Value, id)
	if err == nil && item.CasID == 0 {
		err = errNoCAS
	}
	return r, item.CasID, err
}

func (s *Store) item(id string, r sessionstore.Record) *memcache.Item {
	return &memcache.Item{
		Key:        s.key(id),
		Value:      sessionstore.AppendRecord(nil, id, r),
		Expiration: expiration(r.Expires),
	}
}

// checkWrite also refuses what is larger than the servers take.
func (s *Store) checkWrite(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	size := len(s.o.KeyPrefix) + sessionstore.IDLen + len(r.Subject) + len(r.Data) + itemOverhead
	if size > s.o.MaxItemSize {
		return fmt.Errorf("%w: an item of up to %d bytes, the servers take %d", sessionstore.ErrTooLarge, size, s.o.MaxItemSize)
	}
	return nil
}

func (s *Store) key(id string) string { return s.o.KeyPrefix + id }
