package sessionstore_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errDown = errors.New("store is down")

var farAway = time.Now().Add(time.Hour)

// An env is a memory store in which calls are counted and faults can be planted.
type env struct {
	mem   *memstore.Store
	store *spy
}

func newEnv(testing.TB) *env {
	mem := memstore.New(memstore.Options{})
	return &env{mem: mem, store: &spy{Toucher: mem}}
}

// An op names a method of a store.
type op string

const (
	opLoad   op = "Load"
	opUpdate op = "Update"
	opTouch  op = "Touch"
)

// A spy counts the calls of three methods, and answers in the store's place what
// before returns.
type spy struct {
	sessionstore.Toucher

	mu     sync.Mutex
	calls  map[op]int
	before func(op) error
}

// taken returns the counts.
func (s *spy) taken() map[op]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	calls := s.calls
	s.calls = nil
	return calls
}

func (s *spy) note(o op) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.calls == nil {
		s.calls = make(map[op]int)
	}
	s.calls[o]++
	if s.before == nil {
		return nil
	}
	return s.before(o)
}

func (s *spy) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.note(opLoad); err != nil {
		return sessionstore.Record{}, err
	}
	return s.Toucher.Load(ctx, id)
}

func (s *spy) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.note(opUpdate); err != nil {
		return err
	}
	return s.Toucher.Update(ctx, id, old, r)
}

func (s *spy) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	if err := s.note(opTouch); err != nil {
		return err
	}
	return s.Toucher.Touch(ctx, id, version, expires)
}

// A plainStore has no capability.
type plainStore struct{ sessionstore.Store }
