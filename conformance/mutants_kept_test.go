package conformance

import (
	"context"
	"errors"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// keptMutants keep something of a call that was cut short.
func keptMutants() []mutant {
	const writes, keeps = "cut/writes made again", "cut/keeps nothing"
	return []mutant{
		keepsConnection("ListSubject", keeps),
		keepsConnection("DeleteAll", keeps),
		{"Create that is cut short goes on with the caller's data", []string{writes}, func(m *mutated) {
			goesOn := m.goesOn()
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				return goesOn(ctx, func(ctx context.Context) error { return m.next.Create(ctx, id, r) })
			}
		}},
		{"Update that is cut short goes on with the caller's data", []string{writes}, func(m *mutated) {
			goesOn := m.goesOn()
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				return goesOn(ctx, func(ctx context.Context) error { return m.next.Update(ctx, id, old, r) })
			}
		}},
		{"DeleteAll that was cut short has lost its list", []string{"cut/all made again"}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				created := own.created()
				own.wipe = func(ctx context.Context) (int, error) {
					n := 0
					for _, id := range created.all() {
						created.remove(id) // from the list first
						if pause(20 * time.Microsecond); ctx.Err() == nil && own.next.Delete(ctx, id) == nil {
							n++
						}
					}
					return n, ctx.Err()
				}
			})
		}},
		{"Prune that was cut short keeps its lease", []string{"cut/prune made again"}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				var leased atomic.Bool
				own.prune = func(ctx context.Context) (int, error) {
					if ctx.Err() != nil || !leased.CompareAndSwap(false, true) {
						return 0, ctx.Err()
					}
					pause(100 * time.Microsecond)
					if ctx.Err() != nil {
						return 0, ctx.Err()
					}
					defer leased.Store(false)
					return own.next.Prune(ctx)
				}
			})
		}},
		{"the deadline of a request outlives its call", []string{"cut/a deadline ends with its call"}, func(m *mutated) {
			var mu sync.Mutex
			var until time.Time
			m.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
				mu.Lock()
				defer mu.Unlock()
				g := sessionstore.Guard{Package: "memstore", EndsByDeadline: func(left time.Duration) bool {
					until = time.Now().Add(left)
					return true
				}}
				return g.Do(ctx, func() error {
					if !until.IsZero() && time.Now().After(until) && ctx.Err() == nil {
						return os.ErrDeadlineExceeded
					}
					return next(ctx)
				})
			}
		}},
	}
}

// keepsConnection returns a mutant whose method does not give back its connection, of a few
// that there are, when its context has ended.
func keepsConnection(method, breaks string) mutant {
	return mutant{method + " that is cut short keeps its connection", []string{breaks}, func(m *mutated) {
		keep := func(b *broken) {
			var kept atomic.Int32
			b.around = func(ctx context.Context, name, _ string, next func(context.Context) error) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				if kept.Load() > 3 {
					return errors.New("memstore: no connection is free")
				}
				err := next(ctx)
				if name != method {
					return err
				}
				if pause(150 * time.Microsecond); ctx.Err() != nil {
					kept.Add(1)
					return ctx.Err()
				}
				return err
			}
		}
		keep(m.broken)
		m.Isolated = isolatedAs(func(own *mutated) { keep(own.broken) })
	}}
}

// goesOn returns what makes a call that does not end with its context: it is made when the
// next one comes, in its goroutine, for the race detector would find what the suite is to.
func (m *mutated) goesOn() func(ctx context.Context, call func(ctx context.Context) error) error {
	var mu sync.Mutex
	var late []func()
	m.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
		mu.Lock()
		defer mu.Unlock()
		for _, call := range late {
			call()
		}
		late = nil
		return next(ctx)
	}
	return func(ctx context.Context, call func(ctx context.Context) error) error { // by way of around
		if pause(60 * time.Microsecond); ctx.Err() == nil {
			return call(ctx)
		}
		late = append(late, func() { _ = call(context.WithoutCancel(ctx)) }) // nobody waits for it
		return ctx.Err()
	}
}
