package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func deleteMutants() []mutant {
	return []mutant{
		{
			"Delete takes effect a little later",
			orders("delete/removes", "delete/whatever the version", "ids/edges of the alphabet",
				"update/never brings back what was deleted", "touch/never brings back what was deleted",
				"concurrency/deleted under updates"),
			func(m *mutated) {
				deleted := m.deleted()
				var until memory[time.Time]
				remove := m.remove
				m.remove = func(ctx context.Context, id string) error {
					until.put(id, time.Now().Add(time.Millisecond))
					return remove(ctx, id)
				}
				m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
					last, _ := until.get(id)
					if r, ok := deleted.get(id); ok && time.Now().Before(last) {
						return r, nil
					}
					return m.next.Load(ctx, id)
				}
			},
		},
		{
			"Delete keeps a record that was updated",
			orders("delete/whatever the version", "update/no success for a version that was deleted",
				"concurrency/deleted under updates"),
			func(m *mutated) {
				var updated set
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					err := m.next.Update(ctx, id, old, r)
					if err == nil {
						updated.add(id)
					}
					return err
				}
				m.remove = func(ctx context.Context, id string) error {
					if updated.has(id) {
						return nil
					}
					return m.next.Delete(ctx, id)
				}
			},
		},
		{"Delete fails on what never was", []string{"delete/nothing there"}, func(m *mutated) {
			var seen set
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method == "Delete" && !seen.has(id) && sessionstore.CheckID(id) == nil && ctx.Err() == nil && !m.ref.foreign.has(id) {
					return sessionstore.ErrNotFound
				}
				seen.add(id)
				return next(ctx)
			}
		}},
		{"Delete fails on what was deleted", orders("delete/twice"), func(m *mutated) {
			deleted := m.deleted()
			next := m.remove
			m.remove = func(ctx context.Context, id string) error {
				if _, ok := deleted.get(id); ok {
					return sessionstore.ErrNotFound
				}
				return next(ctx, id)
			}
		}},
		{"Delete fails on what has expired", []string{"delete/expired"}, func(m *mutated) {
			created := m.created()
			next := m.remove
			m.remove = func(ctx context.Context, id string) error {
				if r, ok := created.get(id); ok && dead(r) {
					return sessionstore.ErrNotFound
				}
				return next(ctx, id)
			}
		}},
		{
			"Delete deletes all of the subject",
			[]string{"delete/only this record", "subjects/not what was deleted"},
			func(m *mutated) {
				m.remove = func(ctx context.Context, id string) error {
					if r, err := m.ref.Load(ctx, id); err == nil && r.Subject != "" {
						_, err = m.ref.DeleteSubject(ctx, r.Subject)
						return err
					}
					return m.next.Delete(ctx, id)
				}
			},
		},
		{"Delete needs room", []string{"delete/when storage is full"}, func(m *mutated) {
			m.Full = full(errors.New("out of memory"))
		}},
	}
}
