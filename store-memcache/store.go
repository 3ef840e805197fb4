package memcachestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

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
// configure. New sends nothing. It returns an error if client is nil or an option can't
// work.
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
	guard := o.guard()
	guard.EndsByDeadline = func(left time.Duration) bool {
		return left/4 >= cmp.Or(client.Timeout, memcache.DefaultTimeout) // to connect, to write, for a record and for its end
	}
	return &Store{client: client, o: o, guard: guard, seen: newSightings()}, nil
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	cur, err := s.get(ctx, id)
	if err == nil && !cur.record.Live() {
		err = sessionstore.ErrNotFound
	}
	if err != nil {
		return sessionstore.Record{}, err
	}
	s.seen.put(id, cur.record, cur.casID)
	return cur.record, nil
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.checkWrite(ctx, id, r); err != nil {
		return err
	}
	item := s.item(id, r)
	for ctx.Err() == nil {
		if err := s.write(ctx, s.client.Add, item); !raced(err) {
			return err
		}
		cur, err := s.get(ctx, id)
		switch {
		case errors.Is(err, sessionstore.ErrNotFound):
			continue // it went in between
		case err != nil:
			return err
		case cur.record.Live() && cur.record.Version == r.Version:
			return nil
		case cur.record.Live():
			return sessionstore.ErrExists
		}
		if err := s.swap(ctx, item, cur.casID); !raced(err) {
			return err
		}
	}
	return s.guard.CheckContext(ctx)
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.checkWrite(ctx, id, r); err != nil {
		return err
	}
	item := s.item(id, r)
	if seen, ok := s.seen.take(id); ok && seen.record.Version == old && r.Version != old {
		if err := s.swap(ctx, item, seen.casID); !raced(err) {
			return err
		}
	}
	return s.replace(ctx, id, func(cur sessionstore.Record) (*memcache.Item, error) {
		switch cur.Version {
		case r.Version:
			return nil, nil
		case old:
			return item, nil
		default:
			return nil, sessionstore.ErrConflict
		}
	})
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	err := s.guard.Do(ctx, func() error { return s.client.Delete(s.key(id)) })
	if errors.Is(err, sessionstore.ErrNotFound) {
		return nil
	}
	return err
}

// replace replaces the live record under id by the item that next makes of it, if
// any. If another writer is faster, it starts again.
func (s *Store) replace(
	ctx context.Context, id string, next func(cur sessionstore.Record) (*memcache.Item, error),
) error {
	for ctx.Err() == nil {
		cur, err := s.get(ctx, id)
		if err == nil && !cur.record.Live() {
			err = sessionstore.ErrNotFound
		}
		if err != nil {
			return err
		}
		item, err := next(cur.record)
		if item == nil || err != nil {
			return err
		}
		if err := s.swap(ctx, item, cur.casID); !raced(err) {
			return err
		}
	}
	return s.guard.CheckContext(ctx)
}

// A found is what the server has under an id: a record, which may have expired, and the
// number that tells whether it has been written again.
type found struct {
	record sessionstore.Record
	casID  uint64
}

// get, write and swap make one call of the driver each, whose timeout bounds that one.
func (s *Store) get(ctx context.Context, id string) (found, error) {
	return sessionstore.Guarded(ctx, s.guard, func() (found, error) {
		item, err := s.client.Get(s.key(id))
		if err != nil {
			return found{}, err //nolint:wrapcheck // the guard does it
		}
		r, err := sessionstore.ParseRecord(item.Value, id)
		if err == nil && item.CasID == 0 {
			err = errNoCAS
		}
		return found{r, item.CasID}, err
	})
}

func (s *Store) write(ctx context.Context, write func(*memcache.Item) error, item *memcache.Item) error {
	return s.guard.Do(ctx, func() error { return write(item) })
}

func (s *Store) swap(ctx context.Context, item *memcache.Item, casID uint64) error {
	item.CasID = casID
	return s.write(ctx, s.client.CompareAndSwap, item)
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
