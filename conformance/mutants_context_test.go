package conformance

import (
	"context"
	"errors"
	"math"
	"os"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func contextMutants() []mutant {
	all := []mutant{
		{"Load returns the cause of the context", []string{"context/done before Load"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err != nil && ctx.Err() != nil {
					err = context.Cause(ctx)
				}
				return r, err
			}
		}},
		{"Load with a done context takes its time", []string{"context/done before Load"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if ctx.Err() != nil {
					pause(2 * contextLimit)
				}
				return m.next.Load(ctx, id)
			}
		}},
		{"Load with a done context hangs", []string{"context/done before Load"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if ctx.Err() != nil {
					pause(2 * defaultDeadline)
				}
				return m.next.Load(ctx, id)
			}
		}},
	}
	all = append(all,
		mutant{"a deadline in more milliseconds than 31 bits has passed", []string{"context/without an end"}, func(m *mutated) {
			m.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
				if at, ok := ctx.Deadline(); ok && time.Until(at).Milliseconds() > math.MaxInt32 {
					return os.ErrDeadlineExceeded
				}
				return next(ctx)
			}
		}},
		mutant{"a context that is never done is none", []string{"context/without an end"}, func(m *mutated) {
			m.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
				if ctx.Done() == nil {
					return errors.New("memstore: no context")
				}
				return next(ctx)
			}
		}})
	for _, method := range methods() {
		name := method.name
		all = append(all,
			mutant{name + " waits for its turn", []string{"context/done behind one that goes on"}, func(m *mutated) {
				m.Stall = func(testing.TB) sessionstore.Store { return oneByOne(name) }
			}},
			mutant{name + " ignores a done context", []string{"context/done before " + name}, func(m *mutated) {
				m.around = func(ctx context.Context, method, _ string, next func(context.Context) error) error {
					if method == name {
						ctx = context.WithoutCancel(ctx)
					}
					return next(ctx)
				}
			}},
			mutant{name + " waits for the backend", []string{"context/done during " + name}, func(m *mutated) {
				m.Stall = func(testing.TB) sessionstore.Store { return stalled(name) }
			}},
			mutant{name + " takes the driver at its word", []string{"context/done during " + name}, func(m *mutated) {
				m.Stall = func(testing.TB) sessionstore.Store { return trusting(name) }
			}})
	}
	return all
}

// oneByOne returns a stalled store that holds a lock in each call, for which one method
// waits whatever its context says.
func oneByOne(waits string) *broken {
	b := stalled("")
	turn, around := make(chan struct{}, 1), b.around
	b.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
		lock := ctx
		if method == waits {
			lock = context.WithoutCancel(ctx)
		}
		select {
		case turn <- struct{}{}:
			defer func() { <-turn }()
		case <-lock.Done():
			return lock.Err()
		}
		return around(ctx, method, id, next)
	}
	return b
}
