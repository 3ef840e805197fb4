package conformance

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// lifeMutants leave the end of a record to a backend, or to an index, that has another one.
func lifeMutants() []mutant {
	const part, one = "expiry/a second and a part", "concurrency/one expiry"
	return []mutant{
		{"the time to live is cut to whole seconds, at least one", []string{part}, func(m *mutated) {
			endsAfter(m, func(left time.Duration) time.Duration { return left.Truncate(time.Second) })
		}},
		{"the time to live is rounded to the nearest second, at least one", []string{part}, func(m *mutated) {
			endsAfter(m, func(left time.Duration) time.Duration { return left.Round(time.Second) })
		}},
		{"an hour that comes twice is always the first", []string{"clock/hours that come twice"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if again := time.Date(2031, time.October, 26, 1, 0, 0, 0, time.UTC); r.Expires.Truncate(time.Hour).Equal(again) {
					r.Expires = r.Expires.Add(-time.Hour)
				}
				return r, err
			}
		}},
		{"an index keeps the expiry of a Touch that came before another, for a list", []string{one}, func(m *mutated) {
			index := indexesExpiry(m)
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return over(index, e.ID) }), err
			}
		}},
		{"an index keeps the expiry of a Touch that came before another, for Prune", []string{one}, func(m *mutated) {
			index := indexesExpiry(m)
			m.prune = func(ctx context.Context) (int, error) {
				for _, id := range index.all() {
					if over(index, id) {
						_ = m.next.Delete(ctx, id)
						index.remove(id)
					}
				}
				return m.next.Prune(ctx)
			}
		}},
		{"the 65th Touch conflicts", []string{"touch/the same again"}, func(m *mutated) {
			var touches memory[int]
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				n, _ := touches.get(id)
				if touches.put(id, n+1); n > 63 {
					return sessionstore.ErrConflict
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"an Update that was made before succeeds though the record is dead", []string{
			"expiry/moved forward, for update and touch",
		}, func(m *mutated) {
			var versions memory[sessionstore.Version]
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				versions.put(id, r.Version)
				return create(ctx, id, r)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if was, _ := versions.get(id); was == r.Version && errors.Is(err, sessionstore.ErrNotFound) {
					return nil
				}
				return err
			}
		}},
	}
}

// endsAfter has the backend remove each record after the time to live that it was given, in
// seconds.
func endsAfter(m *mutated, seconds func(left time.Duration) time.Duration) {
	var ends memory[time.Time]
	written := func(id string, expires time.Time, err error) error {
		if err == nil {
			ends.put(id, time.Now().Add(max(time.Second, seconds(time.Until(expires)))))
		}
		return err
	}
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		return written(id, r.Expires, m.next.Create(ctx, id, r))
	}
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		return written(id, r.Expires, m.next.Update(ctx, id, old, r))
	}
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		return written(id, expires, m.next.Touch(ctx, id, version, expires))
	}
	m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
		if over(&ends, id) {
			return sessionstore.Record{}, sessionstore.ErrNotFound
		}
		return m.next.Load(ctx, id)
	}
}

func over(ends *memory[time.Time], id string) bool {
	end, ok := ends.get(id)
	return ok && !time.Now().Before(end)
}

// indexesExpiry has Touch write the record first and an index a little later.
func indexesExpiry(m *mutated) *memory[time.Time] {
	var index memory[time.Time]
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		err := m.next.Touch(ctx, id, version, expires)
		if err == nil {
			pause(rand.N(100 * time.Microsecond))
			index.put(id, expires)
		}
		return err
	}
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		err := m.next.Update(ctx, id, old, r)
		if err == nil {
			index.put(id, r.Expires)
		}
		return err
	}
	return &index
}
