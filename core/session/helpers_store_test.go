package session_test

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An op names a method of a store.
type op string

const (
	opLoad   op = "Load"
	opCreate op = "Create"
	opUpdate op = "Update"
	opDelete op = "Delete"
	opTouch  op = "Touch"
)

// A faultyStore counts calls and plants faults before and after them.
type faultyStore struct {
	inner sessionstore.Toucher

	mu     sync.Mutex
	calls  map[op]int
	before func(context.Context, op) error // an error is the answer, the store isn't asked
	after  func(op, error) error           // what is answered instead, though the store has acted
}

var _ sessionstore.Toucher = (*faultyStore)(nil)

// fail makes the named methods answer err without doing anything.
func (f *faultyStore) fail(err error, ops ...op) {
	f.intercept(func(_ context.Context, o op) error {
		if slices.Contains(ops, o) {
			return err
		}
		return nil
	})
}

// lose makes the named methods act, but answer err.
func (f *faultyStore) lose(err error, ops ...op) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.after = func(o op, answer error) error {
		if slices.Contains(ops, o) {
			return err
		}
		return answer
	}
}

// intercept calls before ahead of every method.
func (f *faultyStore) intercept(before func(context.Context, op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.before = before
}

// reset heals the store and sets the counts to zero.
func (f *faultyStore) reset() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls, f.before, f.after = nil, nil, nil
}

// taken returns the counts since the last call or reset.
func (f *faultyStore) taken() map[op]int {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *faultyStore) do(ctx context.Context, o op, act func() error) error {
	f.mu.Lock()
	if f.calls == nil {
		f.calls = make(map[op]int)
	}
	f.calls[o]++
	before, after := f.before, f.after
	f.mu.Unlock()
	if before != nil {
		if err := before(ctx, o); err != nil {
			return err
		}
	}
	err := act()
	if after != nil {
		err = after(o, err)
	}
	return err
}

func (f *faultyStore) Load(ctx context.Context, id string) (r sessionstore.Record, err error) {
	err = f.do(ctx, opLoad, func() (err error) {
		r, err = f.inner.Load(ctx, id)
		return err
	})
	if err != nil {
		return sessionstore.Record{}, err
	}
	return r, nil
}

func (f *faultyStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return f.do(ctx, opCreate, func() error { return f.inner.Create(ctx, id, r) })
}

func (f *faultyStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	return f.do(ctx, opUpdate, func() error { return f.inner.Update(ctx, id, old, r) })
}

func (f *faultyStore) Delete(ctx context.Context, id string) error {
	return f.do(ctx, opDelete, func() error { return f.inner.Delete(ctx, id) })
}

func (f *faultyStore) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return f.do(ctx, opTouch, func() error { return f.inner.Touch(ctx, id, version, expires) })
}

// A plainStore has no capability.
type plainStore struct{ session.Store }
