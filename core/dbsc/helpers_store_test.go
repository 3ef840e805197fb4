package dbsc_test

import (
	"context"
	"errors"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errDown = errors.New("store is down")

// A failingStore counts calls, and fails while it is down. While it is deaf, it writes, and
// says that it has failed.
type failingStore struct {
	*memstore.Store

	down  atomic.Bool
	deaf  atomic.Bool
	calls atomic.Int64
}

func (s *failingStore) called() error {
	s.calls.Add(1)
	if s.down.Load() {
		return errDown
	}
	return nil
}

func (s *failingStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.called(); err != nil {
		return sessionstore.Record{}, err
	}
	return s.Store.Load(ctx, id)
}

func (s *failingStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.called(); err != nil {
		return err
	}
	return s.Store.Create(ctx, id, r)
}

func (s *failingStore) Update(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
	if err := s.called(); err != nil {
		return err
	}
	err := s.Store.Update(ctx, id, v, r)
	if s.deaf.Load() {
		return errDown
	}
	return err
}
