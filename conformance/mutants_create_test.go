package conformance

import (
	"context"
	"errors"
	"sync"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// orders are the cases that judge histories: they see whatever makes an answer
// wrong under a mixture of calls.
func orders(others ...string) []string {
	return append(others, "concurrency/one order", "concurrency/one order with touch")
}

func createMutants() []mutant {
	return []mutant{
		{
			"Create reports success over a live record",
			orders("create/refuses a live record", "concurrency/one create wins"),
			func(m *mutated) {
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if err := m.next.Create(ctx, id, r); !errors.Is(err, sessionstore.ErrExists) {
						return err
					}
					return nil
				}
			},
		},
		{"Create after the Delete of longer data leaves its tail", []string{"create/after delete"}, func(m *mutated) {
			deleted := m.deleted()
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				was, _ := deleted.get(id)
				return create(ctx, id, withTail(r, was))
			}
		}},
		{"Create over longer data that has expired leaves its tail", []string{"create/replaces an expired record"}, func(m *mutated) {
			created := m.created()
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if was, ok := created.get(id); ok && dead(was) {
					r = withTail(r, was)
				}
				return create(ctx, id, r)
			}
		}},
		{"Create overwrites and says ErrExists", orders("create/leaves a live record alone"), func(m *mutated) {
			var mu sync.Mutex
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				mu.Lock()
				defer mu.Unlock()
				err := m.next.Create(ctx, id, r)
				if errors.Is(err, sessionstore.ErrExists) {
					return errors.Join(err, m.overwrite(ctx, id, r))
				}
				return err
			}
		}},
		{"Create refuses its own version", []string{"create/succeeds again"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if stored, err := m.ref.Load(ctx, id); err == nil && stored.Version == r.Version {
					return sessionstore.ErrExists
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{
			"Create refuses over an expired record",
			[]string{
				"create/replaces an expired record", "create/writes again what has expired",
				"prune/leaves what is created anew meanwhile",
			},
			func(m *mutated) {
				created := m.created()
				next := m.create
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if former, ok := created.get(id); ok && dead(former) {
						return sessionstore.ErrExists
					}
					return next(ctx, id, r)
				}
			},
		},
		{"Create takes an expired record for its own", []string{"create/writes again what has expired"}, func(m *mutated) {
			created := m.created()
			next := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if former, ok := created.get(id); ok && former.Version == r.Version && dead(former) {
					return nil
				}
				return next(ctx, id, r)
			}
		}},
		{
			"Create refuses what was deleted",
			orders("create/after delete"),
			func(m *mutated) {
				deleted := m.deleted()
				next := m.create
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if _, ok := deleted.get(id); ok {
						return sessionstore.ErrExists
					}
					return next(ctx, id, r)
				}
			},
		},
	}
}

// overwrite stores r whatever is there.
func (m *mutated) overwrite(ctx context.Context, id string, r sessionstore.Record) error {
	return errors.Join(m.ref.Delete(ctx, id), m.ref.Create(ctx, id, r))
}

// withTail returns r with what was stored before behind its data.
func withTail(r, was sessionstore.Record) sessionstore.Record {
	if n := len(r.Data); n < len(was.Data) {
		r.Data = append(r.Data[:n:n], was.Data[n:]...)
	}
	return r
}
