package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func updateMutants() []mutant {
	return []mutant{
		{
			"Update keeps data of the same length",
			orders("update/replaces data", "ownership/update does not keep data", "limits/largest data",
				"scan/finds what was written last"),
			func(m *mutated) {
				onUpdate(m, func(old sessionstore.Record, r *sessionstore.Record) {
					if len(old.Data) == len(r.Data) {
						r.Data = old.Data
					}
				})
			},
		},
		{"Update to nobody's without data deletes", []string{"update/of a part"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if err == nil && r.Subject == "" && len(r.Data) == 0 {
					return m.next.Delete(ctx, id)
				}
				return err
			}
		}},
		{"Update leaves the tail of longer data", []string{"update/leaves nothing of longer data"}, func(m *mutated) {
			onUpdate(m, func(old sessionstore.Record, r *sessionstore.Record) {
				if n := len(r.Data); n < len(old.Data) {
					r.Data = append(r.Data[:n:n], old.Data[n:]...)
				}
			})
		}},
		{
			"Update can't empty the subject",
			[]string{"update/replaces the subject", "subjects/not what was given away"},
			func(m *mutated) {
				onUpdate(m, func(old sessionstore.Record, r *sessionstore.Record) {
					if r.Subject == "" {
						r.Subject = old.Subject
					}
				})
			},
		},
		{
			"Update never shortens a life",
			[]string{"update/replaces the expiry", "expiry/of an update, earlier"},
			func(m *mutated) {
				onUpdate(m, func(old sessionstore.Record, r *sessionstore.Record) {
					if r.Expires.Before(old.Expires) && time.Now().Before(r.Expires) {
						r.Expires = old.Expires
					}
				})
			},
		},
		{
			"Update drops a write to another version without a word",
			orders("update/refuses another version", "versions/compared in full", "versions/zero matches nothing",
				"versions/none survives delete and create", "versions/none survives expiry and create",
				"concurrency/one update wins", "concurrency/no update is lost"),
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if err := m.next.Update(ctx, id, old, r); !errors.Is(err, sessionstore.ErrConflict) {
						return err
					}
					return nil
				}
			},
		},
		{
			"Update overwrites another version and says ErrConflict",
			orders("update/leaves another version alone", "concurrency/no update is lost"),
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					err := m.next.Update(ctx, id, old, r)
					if stored, loadErr := m.ref.Load(ctx, id); loadErr == nil && errors.Is(err, sessionstore.ErrConflict) {
						return errors.Join(err, m.next.Update(ctx, id, stored.Version, r))
					}
					return err
				}
			},
		},
		{"Update refuses its own version", []string{"update/succeeds again"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if stored, err := m.ref.Load(ctx, id); err == nil && stored.Version == r.Version {
					return sessionstore.ErrConflict
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Update creates", []string{"update/never creates"}, func(m *mutated) {
			var seen set
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method != "Update" {
					seen.add(id)
				}
				return next(ctx)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrNotFound) && !seen.has(id) {
					return m.next.Create(ctx, id, r)
				}
				return err
			}
		}},
		{
			"Update brings back what was deleted",
			orders("update/never brings back what was deleted", "update/no success for a version that was deleted",
				"concurrency/deleted under updates"),
			func(m *mutated) {
				deleted := m.deleted()
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					err := m.next.Update(ctx, id, old, r)
					if _, ok := deleted.get(id); ok && errors.Is(err, sessionstore.ErrNotFound) {
						return m.create(ctx, id, r)
					}
					return err
				}
			},
		},
		{"Update brings back what has expired", []string{"update/never brings back what has expired"}, func(m *mutated) {
			created := m.created()
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if former, ok := created.get(id); ok && former.Version == old && dead(former) {
					return m.create(ctx, id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{
			"Update remembers its versions beyond Delete",
			[]string{"update/no success for a version that was deleted"},
			func(m *mutated) {
				var made memory[sessionstore.Version]
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if v, _ := made.get(id); v == r.Version && v != 0 {
						return nil
					}
					err := m.next.Update(ctx, id, old, r)
					if err == nil {
						made.put(id, r.Version)
					}
					return err
				}
			},
		},
		{
			"Update takes an expired record for its own",
			[]string{"update/no success for a version that has expired"},
			func(m *mutated) {
				created := m.created()
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if former, ok := created.get(id); ok && former.Version == r.Version && dead(former) {
						return nil
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
	}
}
