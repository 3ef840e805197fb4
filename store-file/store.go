package filestore

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in a folder. It is safe for concurrent use, also
// beside other Stores on the same folder, in this process or another one.
type Store struct {
	dir   string // absolute
	root  *os.Root
	self  fs.FileInfo // of root: tells whether dir is still the same folder
	o     Options
	guard *sessionstore.Guard
	locks [shardCount]chan struct{} // each of capacity 1: a mutex that a context can give up on

	shards [shardCount]atomic.Pointer[shard] // those that have been opened
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
)

// New returns a store in the folder dir, which must exist, be a folder itself
// rather than a symbolic link to one, be open to nobody whom o.FileMode excludes
// (mode 0700 by default) and be writable. It must be empty or a store's already.
// New creates what is missing in it.
//
// The store holds the folder open until Close, and each of its 256 shards from their first
// use on: 257 descriptors at most, on Linux 513, a few more for each call that is under way,
// and up to 50 for DeleteSubject. New returns an error if the process may not have so many.
func New(dir string, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	s := &Store{o: o, guard: o.guard()}
	for i := range s.locks {
		s.locks[i] = make(chan struct{}, 1)
	}
	if err := checkDescriptors(); err != nil {
		return nil, s.guard.Wrap(context.Background(), err)
	}
	if err := s.open(dir); err != nil {
		return nil, s.guard.Wrap(context.Background(), err)
	}
	if err := s.prepare(); err != nil {
		return nil, s.guard.Wrap(context.Background(), errors.Join(err, s.close()))
	}
	return s, nil
}

// Close lets go of the folder. Every later call of another method returns an
// error; one that is under way may do so, and its outcome is unknown.
func (s *Store) Close() error {
	return s.guard.Wrap(context.Background(), s.close())
}

func (s *Store) close() error {
	err := s.root.Close() // first, so that no shard is opened again
	for n := range shardCount {
		err = errors.Join(err, s.forget(n))
	}
	return err
}

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	if r, ok := s.readNow(id); ok {
		return r, nil
	}
	return sessionstore.Guarded(ctx, s.guard, func() (sessionstore.Record, error) {
		r, err := s.peek(ctx, id)
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
	b := encode(id, r)
	return s.exclusively(ctx, id, func() error {
		old, err := s.read(ctx, id)
		switch {
		case errors.Is(err, sessionstore.ErrNotFound):
		case err != nil:
			return err
		case old.Live() && old.Version == r.Version:
			return s.flush(id)
		case old.Live():
			return sessionstore.ErrExists
		}
		return s.put(ctx, id, r, b, old.Subject)
	})
}

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	b := encode(id, r)
	return s.exclusively(ctx, id, func() error {
		cur, err := s.read(ctx, id)
		switch {
		case err != nil:
			return err
		case !cur.Live():
			return sessionstore.ErrNotFound
		case cur.Version == r.Version:
			return s.flush(id)
		case cur.Version != old:
			return sessionstore.ErrConflict
		}
		return s.put(ctx, id, r, b, cur.Subject)
	})
}

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.exclusively(ctx, id, func() error {
		// A record that can't be read is removed all the same; its subject's
		// marker is then stale, and goes when it is next looked at.
		r, _ := s.read(ctx, id)
		return s.remove(ctx, id, r.Subject)
	})
}

// exclusively calls f while no other writer has the shard of id. A system call on a
// file can't be interrupted, and a disk that stalls must not stall the caller.
func (s *Store) exclusively(ctx context.Context, id string, f func() error) error {
	return s.guard.Do(ctx, func() error {
		_, unlock, err := s.lock(ctx, shardOf(id))
		if err != nil {
			return err
		}
		defer unlock()
		return f()
	})
}
