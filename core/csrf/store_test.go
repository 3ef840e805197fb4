package csrf_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A countingStore knows how often it was written to, and can be taken down.
type countingStore struct {
	session.Store

	writes atomic.Int32
	down   atomic.Bool
}

func (s *countingStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if s.down.Load() {
		return sessionstore.Record{}, errors.New("store is down")
	}
	return s.Store.Load(ctx, id)
}

func (s *countingStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	s.writes.Add(1)
	return s.Store.Create(ctx, id, r)
}

func (s *countingStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	s.writes.Add(1)
	return s.Store.Update(ctx, id, old, r)
}
