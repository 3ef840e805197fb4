package conformance

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// withinMutants go through all records, or a list, in a way that its caller, others or the
// end of a page disturb.
func withinMutants() []mutant {
	const broken, whole = "scan/broken off many times", "pages/whole pages"
	return []mutant{
		{"Scan goes subject by subject", []string{"scan/under moves"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					for e := range own.bySubject(ctx) {
						if !y(e, ctx.Err()) {
							return
						}
					}
				}
			}
		})},
		{"DeleteAll goes subject by subject", []string{"all/deletes under moves"}, isolated(func(own *mutated) {
			own.wipe = func(ctx context.Context) (int, error) {
				n := 0
				for e := range own.bySubject(ctx) {
					n++
					_ = own.next.Delete(ctx, e.ID) // there is no other error than the context's
				}
				return n, ctx.Err()
			}
		})},
		holdsUp("ListSubject"), holdsUp("Touch"), holdsUp("Prune"), holdsUp("DeleteAll"),
		{"Scan keeps its connection when its caller panics", []string{broken}, isolated(func(own *mutated) {
			var busy atomic.Int32
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					if busy.Add(1) > 10 {
						y(sessionstore.Entry{}, errors.New("memstore: too many connections"))
						return
					}
					own.next.Scan(ctx)(y)
					busy.Add(-1)
				}
			}
		})},
		{"Scan hides its caller's panic", []string{broken}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					defer func() { _ = recover() }()
					own.next.Scan(ctx)(y)
				}
			}
		})},
		{"Scan goes on after an outage's error", []string{"outage/ends a scan"}, func(m *mutated) {
			m.Outage = func(testing.TB) (sessionstore.Store, error) {
				b := newBroken(newReference())
				b.scan = func(context.Context) entries {
					return func(y yield) {
						for y(sessionstore.Entry{}, fmt.Errorf("memstore: %w", errDown)) {
							pause(time.Millisecond)
						}
					}
				}
				return b, errDown
			}
		}},
		{"a list that ends with its page is an error", []string{whole}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				own.list = func(ctx context.Context, subject string) (found, error) {
					list, err := own.next.ListSubject(ctx, subject)
					if len(list) > 0 && len(list)%256 == 0 {
						return nil, errors.New("memstore: no such cursor")
					}
					return list, err
				}
			})
		}},
		{"Scan repeats a page that is the last and full", []string{whole}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					const page = 64
					all := collected(own.next.Scan(ctx))
					if len(all) == 2*page {
						all = append(all, all[page:]...)
					}
					each(all, y)
				}
			}
		})},
	}
}

// bySubject yields the records of each subject that there is at first, when it comes to it.
func (m *mutated) bySubject(ctx context.Context) func(func(sessionstore.Entry) bool) {
	return func(y func(sessionstore.Entry) bool) {
		var subjects []string
		for _, e := range collected(m.next.Scan(ctx)) {
			if !slices.Contains(subjects, e.Record.Subject) {
				subjects = append(subjects, e.Record.Subject)
			}
		}
		var seen set
		for _, subject := range subjects {
			pause(20 * time.Microsecond)
			for _, e := range collected(m.next.Scan(ctx)) {
				if e.Record.Subject != subject || seen.has(e.ID) {
					continue
				}
				if seen.add(e.ID); !y(e) {
					return
				}
			}
		}
	}
}

// holdsUp returns a mutant in which a method waits for the end of an iteration.
func holdsUp(method string) mutant {
	return mutant{"Scan holds up " + method, []string{"scan/writes within"}, isolated(func(own *mutated) {
		var inside atomic.Int32
		own.scan = func(ctx context.Context) entries {
			return func(y yield) {
				inside.Add(1)
				defer inside.Add(-1)
				own.next.Scan(ctx)(y)
			}
		}
		own.around = func(ctx context.Context, name, _ string, next func(context.Context) error) error {
			for name == method && inside.Load() > 0 && ctx.Err() == nil {
				pause(time.Second)
			}
			return next(ctx)
		}
	})}
}
