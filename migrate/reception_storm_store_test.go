package migrate_test

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	"github.com/cloakroom-go/cloakroom/migrate"
)

var errStorm = errors.New("storm")

// dice are safe for concurrent use.
type dice struct {
	mu sync.Mutex
	r  *rand.Rand
}

func (d *dice) n(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.r.IntN(n)
}

// one is true once in n times, and never if n is 0.
func (d *dice) one(n int) bool { return n > 0 && d.n(n) == 0 }

func (d *dice) upTo(longest time.Duration) time.Duration {
	return time.Duration(d.n(int(longest/time.Microsecond)+1))*time.Microsecond + time.Nanosecond
}

// A stormStore is slow, and now and then fails, acts without an answer, or acts late.
type stormStore struct {
	*memstore.Store

	w *storm
}

func (s *stormStore) do(ctx context.Context, act func(context.Context) error) error {
	<-time.After(s.w.dice.upTo(20 * time.Millisecond))
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !s.w.faulty(s.w.site.storeFails) {
		err := act(ctx)
		<-time.After(s.w.dice.upTo(20 * time.Millisecond))
		return err
	}
	switch s.w.dice.n(4) {
	case 0:
		return errStorm
	case 1:
		return errors.Join(act(ctx), errStorm)
	case 2:
		late := s.w.dice.upTo(8 * time.Second)
		s.w.late.Go(func() {
			<-time.After(late)
			_ = act(context.WithoutCancel(ctx))
		})
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(s.w.dice.upTo(8 * time.Second)):
			return errStorm
		}
	default:
		<-ctx.Done()
		return ctx.Err()
	}
}

// answer is do for what returns something.
func answer[T any](ctx context.Context, s *stormStore, act func(context.Context) (T, error)) (T, error) {
	result := make(chan T, 1) // of a late one nobody reads it
	err := s.do(ctx, func(ctx context.Context) error {
		v, err := act(ctx)
		result <- v
		return err
	})
	var none T
	if err != nil {
		return none, err
	}
	return <-result, nil
}

func (s *stormStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	return answer(ctx, s, func(ctx context.Context) (sessionstore.Record, error) { return s.Store.Load(ctx, id) })
}

func (s *stormStore) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	return answer(ctx, s, func(ctx context.Context) ([]sessionstore.Entry, error) { return s.Store.ListSubject(ctx, subject) })
}

func (s *stormStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	r.Data = slices.Clone(r.Data)
	return s.do(ctx, func(ctx context.Context) error { return s.Store.Create(ctx, id, r) })
}

func (s *stormStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	r.Data = slices.Clone(r.Data)
	return s.do(ctx, func(ctx context.Context) error { return s.Store.Update(ctx, id, old, r) })
}

func (s *stormStore) Delete(ctx context.Context, id string) error {
	return s.do(ctx, func(ctx context.Context) error { return s.Store.Delete(ctx, id) })
}

func (s *stormStore) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	return s.do(ctx, func(ctx context.Context) error { return s.Store.Touch(ctx, id, version, expires) })
}

// stormRecords are the old application's.
type stormRecords struct {
	w  *storm
	mu sync.Mutex
	m  map[string]string
}

func (l *stormRecords) get(key string) (string, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	v, ok := l.m[key]
	return v, ok
}

func (l *stormRecords) set(key, value string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.m[key] = value
}

func (l *stormRecords) remove(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.m, key)
}

func (l *stormRecords) Load(ctx context.Context, key string) ([]byte, error) {
	<-time.After(l.w.dice.upTo(20 * time.Millisecond))
	if l.w.dice.one(20) {
		<-time.After(l.w.dice.upTo(3 * time.Second))
	}
	if l.w.faulty(l.w.site.recordsFail) {
		if l.w.dice.one(2) {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		return nil, errStorm
	}
	v, ok := l.get(key)
	<-time.After(l.w.dice.upTo(20 * time.Millisecond))
	if !ok {
		return nil, migrate.ErrNotFound
	}
	return []byte(v), nil
}

func (l *stormRecords) Delete(ctx context.Context, key string) error {
	<-time.After(l.w.dice.upTo(20 * time.Millisecond))
	fails := l.w.faulty(l.w.site.recordsFail)
	if fails && l.w.dice.one(2) {
		<-ctx.Done()
		return ctx.Err()
	}
	l.remove(key)
	if fails {
		return errStorm
	}
	return nil
}
