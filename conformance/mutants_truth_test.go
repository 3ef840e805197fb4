package conformance

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// truthMutants say what is not so where a context ends during a call.
func truthMutants() []mutant {
	const writes, reads = "cut/writes say what is so", "cut/reads say what is so"
	var none error
	notFound := sessionstore.ErrNotFound
	return []mutant{
		endsMidway("a commit that was cut short is a success", []string{writes}, none, "Create", "Update", "Touch", "Delete"),
		endsMidway("a Delete that was cut short is a success", []string{writes}, none, "Delete"),
		endsMidway("rows that were cut short are none, in Load", []string{reads}, notFound, "Load"),
		endsMidway("rows that were cut short are none, in Update and Touch", []string{writes}, notFound, "Update", "Touch"),
		endsMidway("rows that were cut short are all, in a list", []string{reads}, none, "ListSubject"),
		endsMidway("rows that were cut short are all, in DeleteSubject", []string{"cut/subject made again"}, none, "DeleteSubject"),
		endsMidway("rows that were cut short are all, in DeleteAll", []string{"cut/all made again"}, none, "DeleteAll"),
		endsMidway("rows that were cut short are all, in Scan", []string{"scan/says that it was cut short"}, none, "Scan"),
		endsMidway("an Update that was cut short is a conflict", []string{writes},
			fmt.Errorf("%w: %w", context.Canceled, sessionstore.ErrConflict), "Update"),
		{"a list that was cut short has the pages until then", []string{"pages/lists until its context ends"}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				own.list = func(ctx context.Context, subject string) (found, error) {
					all, err := own.next.ListSubject(ctx, subject)
					for i := 100; i < len(all) && ctx.Err() == nil; i += 100 {
						if pause(20 * time.Microsecond); ctx.Err() != nil {
							all = all[:i]
						}
					}
					return all, err
				}
			})
		}},
		{"a Scan that was cut short has the pages until then", []string{"pages/scans until its context ends"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					n := 0
					for e, err := range own.next.Scan(context.WithoutCancel(ctx)) {
						if n++; n%100 == 0 && ctx.Err() != nil || !yield(e, err) {
							return
						}
					}
				}
			}
		})},
		{"a context's cause instead of its error", duringAll(), func(m *mutated) {
			m.Stall = stalledAs(func(ctx context.Context) error {
				<-ctx.Done()
				return fmt.Errorf("memstore: %w", context.Cause(ctx))
			})
		}},
		{"a call waits for one of four connections and knows no context", []string{"context/done behind others"}, func(m *mutated) {
			pool := make(chan struct{}, 4)
			m.Stall = stalledAs(func(ctx context.Context) error {
				select {
				case pool <- struct{}{}:
				case <-time.After(time.Second):
					return errors.New("memstore: no free connection")
				}
				<-ctx.Done()
				return ctx.Err()
			})
		}},
		{"a store is set up once, and a done context spoils it", []string{"context/done at the first call"}, isolated(func(own *mutated) {
			var once sync.Once
			var failed error
			own.around = func(ctx context.Context, _, _ string, next func(context.Context) error) error {
				if once.Do(func() { failed = ctx.Err() }); failed != nil {
					return fmt.Errorf("memstore: set-up: %w", failed)
				}
				return next(ctx)
			}
		})},
	}
}

// endsMidway returns a mutant in which calls of some methods whose context ends meanwhile do
// nothing and return this.
func endsMidway(name string, breaks []string, returns error, methods ...string) mutant {
	plant := func(m *mutated) {
		some := new(set)
		for _, method := range methods {
			some.add(method)
		}
		m.around = func(ctx context.Context, method, _ string, next func(context.Context) error) error {
			if ctx.Err() != nil || !some.has(method) {
				return next(ctx)
			}
			if pause(rand.N(100 * time.Microsecond)); ctx.Err() != nil {
				return returns
			}
			return next(ctx)
		}
	}
	return mutant{name, breaks, plant}
}

// stalledAs returns a Harness.Stall.
func stalledAs(call func(ctx context.Context) error) func(testing.TB) sessionstore.Store {
	return func(testing.TB) sessionstore.Store {
		b := newBroken(newReference())
		b.around = func(ctx context.Context, _, _ string, _ func(context.Context) error) error { return call(ctx) }
		return b
	}
}

// duringAll returns the cases about a context that ends during a call.
func duringAll() []string {
	var all []string
	for _, m := range methods() {
		all = append(all, "context/done during "+m.name)
	}
	return all
}
