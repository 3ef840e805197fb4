package filestore

import (
	"context"
	"errors"
	"iter"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Scan implements [sessionstore.Scanner]. It holds the names of one in 256 records at
// a time.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		if err := s.guard.CheckContext(ctx); err != nil {
			yield(sessionstore.Entry{}, err)
			return
		}
		for shard := range shardCount {
			names, err := sessionstore.Guarded(ctx, s.guard, func() ([]string, error) { return s.listLocked(ctx, shard) })
			if err != nil {
				yield(sessionstore.Entry{}, err)
				return
			}
			for _, name := range names {
				if id, ok := idOf(name); ok && shardOf(id) == shard && !s.scanOne(ctx, id, yield) {
					return
				}
			}
		}
	}
}

// scanOne yields the record under id, and reports whether to go on.
func (s *Store) scanOne(ctx context.Context, id string, yield func(sessionstore.Entry, error) bool) bool {
	r, err := s.Load(ctx, id)
	switch {
	case err == nil:
		return yield(sessionstore.Entry{ID: id, Record: r}, nil)
	case errors.Is(err, sessionstore.ErrNotFound): // expired, or ended since
		return true
	case errors.Is(err, sessionstore.ErrCorrupt):
		return yield(sessionstore.Entry{ID: id}, err)
	}
	yield(sessionstore.Entry{}, err)
	return false
}
