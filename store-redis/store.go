package redisstore

import (
	"context"
	"errors"
	"reflect"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in Redis. It is safe for concurrent use, also beside
// other Stores with the same prefix, in this process or another one.
type Store struct {
	client redis.UniversalClient
	o      Options
	guard  *sessionstore.Guard
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
)

// New returns a store behind client, which stays the caller's to close and to
// configure. New sends nothing. A ClusterClient must not read from replicas,
// which may not know yet that a session has ended.
//
// A call returns when its context is done, though the driver may go on waiting
// until its own timeouts are over; a client with ReadTimeout -1 has none and is to
// be avoided.
func New(client redis.UniversalClient, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if v := reflect.ValueOf(client); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("redisstore: client is nil: want one such as redis.NewUniversalClient returns")
	}
	if c, ok := client.(*redis.ClusterClient); ok && c.Options().ReadOnly {
		return nil, errors.New("redisstore: client reads from replicas, which may lag behind: " +
			"want ReadOnly, RouteByLatency and RouteRandomly off")
	}
	return &Store{client: client, o: o, guard: o.guard()}, nil
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() (sessionstore.Record, error) {
		b, err := s.client.Get(ctx, s.key(id)).Bytes()
		if err != nil {
			return sessionstore.Record{}, err //nolint:wrapcheck // the guard does it
		}
		r, err := decode(b, id)
		if err == nil && !r.Live() {
			err = sessionstore.ErrNotFound
		}
		if err != nil {
			return sessionstore.Record{}, err
		}
		return r, nil
	})
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	b := sessionstore.AppendRecord(nil, id, r)
	return s.guard.Do(ctx, func() error {
		var indexed time.Time
		if r.Subject != "" {
			var err error
			if indexed, err = s.index(ctx, r.Subject, id, r.Expires); err != nil {
				return err
			}
		}
		return s.call(ctx, createScript, id, ttl(r.Expires), encodeTime(indexed), b).err
	})
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	b := sessionstore.AppendRecord(nil, id, r)
	return s.guard.Do(ctx, func() error {
		version := encodeVersion(old)
		a := s.call(ctx, updateScript, id, ttl(r.Expires), nil, version, b)
		if !a.unindexed {
			return a.err
		}
		indexed, err := s.index(ctx, r.Subject, id, r.Expires)
		if err != nil {
			return err
		}
		return s.call(ctx, updateScript, id, ttl(r.Expires), encodeTime(indexed), version, b).err
	})
}

// Delete implements [sessionstore.Store]. It leaves an entry in the index of the
// record's subject, which goes when it is next looked at or in its time.
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.guard.Do(ctx, func() error {
		return s.client.Del(ctx, s.key(id)).Err()
	})
}

func (s *Store) key(id string) string { return s.o.KeyPrefix + id }

// decode undoes what the scripts have stored: until when the index knows the
// record, in timeLen bytes, and the record.
func decode(b []byte, id string) (sessionstore.Record, error) {
	return sessionstore.ParseRecord(b[min(timeLen, len(b)):], id)
}
