// Package ownstore keeps sessions in a bbolt database, which is one file. It shows
// how to write a store of one's own; docs/own-store.md goes through it.
package ownstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"time"

	"go.etcd.io/bbolt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A Store is a [sessionstore.Store] in a bbolt database, with Touch and Prune.
type Store struct{ db *bbolt.DB }

var (
	bucket = []byte("sessions")
	guard  = &sessionstore.Guard{Package: "ownstore"} // bbolt takes 2 GiB
)

// New returns a store in db, which stays the caller's to close.
func New(db *bbolt.DB) (*Store, error) {
	err := db.Update(func(tx *bbolt.Tx) error {
		_, err := tx.CreateBucketIfNotExists(bucket)
		return err //nolint:wrapcheck // the guard does
	})
	return &Store{db}, guard.Wrap(context.Background(), err)
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	return sessionstore.Guarded(ctx, guard, func() (r sessionstore.Record, err error) {
		err = s.db.View(func(tx *bbolt.Tx) (err error) {
			r, err = live(tx, id)
			r.Data = bytes.Clone(r.Data) // bbolt's own end with the transaction
			return err
		})
		return r, err //nolint:wrapcheck // the guard does
	})
}

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return s.write(ctx, id, r, func(_ sessionstore.Record, err error) error {
		if errors.Is(err, sessionstore.ErrNotFound) {
			return nil
		}
		return cmp.Or(err, sessionstore.ErrExists)
	})
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return s.write(ctx, id, r, func(there sessionstore.Record, err error) error {
		if err == nil && there.Version != old {
			return sessionstore.ErrConflict
		}
		return err
	})
}

// write puts r under id unless refused objects to what live says is there.
func (s *Store) write(ctx context.Context, id string, r sessionstore.Record, refused func(sessionstore.Record, error) error) error {
	if err := guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	value := sessionstore.AppendRecord(nil, id, r) // a copy, for a write that ends after its call
	return s.update(ctx, func(tx *bbolt.Tx) error {
		there, err := live(tx, id)
		if err == nil && there.Version == r.Version {
			return nil // this very write, whose answer was lost
		}
		if err := refused(there, err); err != nil {
			return err
		}
		return tx.Bucket(bucket).Put([]byte(id), value)
	})
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := guard.Check(ctx, id); err != nil {
		return err
	}
	return s.update(ctx, func(tx *bbolt.Tx) error {
		return tx.Bucket(bucket).Delete([]byte(id))
	})
}

// Touch implements [sessionstore.Toucher].
func (s *Store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := guard.CheckTouch(ctx, id, expires); err != nil {
		return err
	}
	return s.update(ctx, func(tx *bbolt.Tx) error {
		r, err := live(tx, id)
		switch {
		case err != nil:
			return err
		case r.Version != version:
			return sessionstore.ErrConflict
		}
		r.Expires = expires
		return tx.Bucket(bucket).Put([]byte(id), sessionstore.AppendRecord(nil, id, r))
	})
}

// Prune implements [sessionstore.Pruner].
func (s *Store) Prune(ctx context.Context) (int, error) {
	pruned, next := 0, []byte{}
	for next != nil { // others may write between two batches
		var dead [][]byte
		err := s.update(ctx, func(tx *bbolt.Tx) (err error) {
			c := tx.Bucket(bucket).Cursor()
			next, _ = c.Seek(next)
			for n := 0; n < 500 && next != nil; n++ {
				if _, err := live(tx, string(next)); errors.Is(err, sessionstore.ErrNotFound) {
					dead = append(dead, next)
				}
				next, _ = c.Next()
			}
			next = bytes.Clone(next)
			for _, key := range dead {
				err = errors.Join(err, tx.Bucket(bucket).Delete(key))
			}
			return err
		})
		if err != nil {
			return pruned, err
		}
		pruned += len(dead)
	}
	return pruned, nil
}

// live returns the record under id unless it has expired.
func live(tx *bbolt.Tx, id string) (sessionstore.Record, error) {
	value := tx.Bucket(bucket).Get([]byte(id))
	r, err := sessionstore.ParseRecord(value, id)
	if value == nil || err == nil && !r.Live() {
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	return r, err
}

// update calls f in a transaction, which it leaves to its end when ctx is done.
func (s *Store) update(ctx context.Context, f func(*bbolt.Tx) error) error {
	return guard.Do(ctx, func() error { return s.db.Update(f) })
}
