package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// wayMutants get wrong what other methods get right: times, versions, and what is looked at first.
func wayMutants() []mutant {
	return []mutant{
		{"Touch to the same expiry is a conflict", []string{"touch/the same again"}, func(m *mutated) {
			onTouch(m, func(s sessionstore.Record, v *sessionstore.Version, e *time.Time) error {
				if s.Version == *v && s.Expires.Equal(*e) {
					return sessionstore.ErrConflict
				}
				return nil
			})
		}},
		{
			"Touch cuts lives at thirty days",
			[]string{"clock/thirty days and a second", "clock/four hundred days", "clock/the last year"},
			func(m *mutated) {
				onTouch(m, func(_ sessionstore.Record, _ *sessionstore.Version, e *time.Time) error {
					if sessionstore.CheckExpires(*e) == nil && time.Until(*e) > 30*day {
						*e = time.Now().Add(30 * day)
					}
					return nil
				})
			},
		},
		{"the shortest lives are for ever in Touch", []string{"expiry/very soon"}, func(m *mutated) {
			onTouch(m, func(_ sessionstore.Record, _ *sessionstore.Version, e *time.Time) error {
				if l := time.Until(*e); l > 0 && l < 200*time.Millisecond {
					*e = inAnHour()
				}
				return nil
			})
		}},
		{"Touch drops the zone", []string{"clock/time zones"}, func(m *mutated) {
			onTouch(m, func(_ sessionstore.Record, _ *sessionstore.Version, e *time.Time) error {
				if l := e.Location(); l != time.UTC {
					_, off := e.Zone()
					*e = e.Add(time.Duration(off) * time.Second)
				}
				return nil
			})
		}},
		{"a zone comes back after Touch", []string{"clock/UTC"}, func(m *mutated) {
			var touched set
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				touched.add(id)
				return m.next.Touch(ctx, id, v, e)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if touched.has(id) {
					r.Expires = r.Expires.In(time.FixedZone("", 3600))
				}
				return r, err
			}
		}},
		{"a zone comes back after Update", []string{"clock/UTC"}, func(m *mutated) {
			var touched set
			m.update = func(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
				touched.add(id)
				return m.next.Update(ctx, id, v, r)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if touched.has(id) {
					r.Expires = r.Expires.In(time.FixedZone("", 3600))
				}
				return r, err
			}
		}},
		{"Touch knows no version of 64 bits", []string{"versions/any number"}, func(m *mutated) {
			onTouch(m, func(s sessionstore.Record, v *sessionstore.Version, _ *time.Time) error {
				if s.Version == *v && *v >= 1<<63 {
					return sessionstore.ErrConflict
				}
				return nil
			})
		}},
		{"the expiry of Touch outlives an Update", []string{"touch/gives way to an update"}, func(m *mutated) {
			var touched memory[time.Time]
			rm, touch, update := m.remove, m.touch, m.update
			m.remove = func(ctx context.Context, id string) error { touched.remove(id); return rm(ctx, id) }
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				err := touch(ctx, id, v, e)
				if err == nil {
					touched.put(id, e)
				}
				return err
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if e, ok := touched.get(id); ok && writable(r) && e.After(r.Expires) {
					r.Expires = e
				}
				return update(ctx, id, old, r)
			}
		}},
		{
			"Touch compares the version before it looks whether the record is dead",
			[]string{"touch/never brings back what has expired"},
			func(m *mutated) {
				c := m.created()
				touch := m.touch
				m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
					err := touch(ctx, id, v, e)
					if r, ok := c.get(id); ok && dead(r) && r.Version != v && errors.Is(err, sessionstore.ErrNotFound) {
						return sessionstore.ErrConflict
					}
					return err
				}
			},
		},
		{
			"Update compares the version before it looks whether the record is dead",
			[]string{"update/never brings back what has expired"},
			func(m *mutated) {
				c := m.created()
				update := m.update
				m.update = func(ctx context.Context, id string, v sessionstore.Version, n sessionstore.Record) error {
					err := update(ctx, id, v, n)
					if r, ok := c.get(id); ok && dead(r) && !slices.Contains([]sessionstore.Version{v, n.Version}, r.Version) &&
						errors.Is(err, sessionstore.ErrNotFound) {
						return sessionstore.ErrConflict
					}
					return err
				}
			},
		},
		{"Touch looks for the record before it looks at the expiry", []string{"touch/refuses bad expiries"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				if ctx.Err() == nil && sessionstore.CheckID(id) == nil && !m.ref.foreign.has(id) {
					if _, err := m.ref.Load(ctx, id); err != nil {
						return err
					}
				}
				return m.next.Touch(ctx, id, v, e)
			}
		}},
		{
			"Update looks for the record before it looks at the new one",
			[]string{"limits/update with version zero", "limits/update with a subject with NUL"},
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
					if ctx.Err() == nil && sessionstore.CheckID(id) == nil && !m.ref.foreign.has(id) {
						if _, err := m.ref.Load(ctx, id); err != nil {
							return err
						}
					}
					return m.next.Update(ctx, id, v, r)
				}
			},
		},
		{"Update compares the version before it looks at the new record", []string{"limits/update with no expiry"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
				if ctx.Err() == nil && sessionstore.CheckID(id) == nil {
					if s, err := m.ref.Load(ctx, id); err == nil && s.Version != v && s.Version != r.Version {
						return sessionstore.ErrConflict
					}
				}
				return m.next.Update(ctx, id, v, r)
			}
		}},
		{
			"Create looks for a record before it looks at the new one",
			[]string{"limits/create with version zero", "limits/create with a subject with NUL"},
			func(m *mutated) {
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if ctx.Err() == nil && sessionstore.CheckID(id) == nil {
						if s, err := m.ref.Load(ctx, id); err == nil && s.Version != r.Version {
							return sessionstore.ErrExists
						}
					}
					return m.next.Create(ctx, id, r)
				}
			},
		},
		{
			"Update cuts lives at thirty days",
			[]string{"clock/thirty days and a second", "clock/four hundred days", "clock/the last year"},
			func(m *mutated) {
				onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) {
					if writable(*r) && time.Until(r.Expires) > 30*day {
						r.Expires = time.Now().Add(30 * day)
					}
				})
			},
		},
		{"the shortest lives are for ever in Update", []string{"expiry/very soon"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) {
				if l := time.Until(r.Expires); l > 0 && l < 200*time.Millisecond {
					r.Expires = inAnHour()
				}
			})
		}},
		{"Update drops the zone", []string{"clock/time zones"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) {
				if l := r.Expires.Location(); l != time.UTC {
					_, off := r.Expires.Zone()
					r.Expires = r.Expires.Add(time.Duration(off) * time.Second)
				}
			})
		}},
		slidesOn("Touch"), slidesOn("Update"), slidesOn("Create"),
	}
}

func onTouch(m *mutated, change func(stored sessionstore.Record, version *sessionstore.Version, expires *time.Time) error) {
	touch := m.touch
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		stored, _ := m.ref.Load(ctx, id)
		if ctx.Err() == nil {
			if err := change(stored, &version, &expires); err != nil {
				return err
			}
		}
		return touch(ctx, id, version, expires)
	}
}

func slidesOn(method string) mutant {
	return mutant{method + " that is refused slides an expiry that is near", []string{"expiry/none slides"}, func(m *mutated) {
		slide := func(id string) {
			if r, err := m.ref.Load(context.Background(), id); err == nil && time.Until(r.Expires) < shortLife/2 {
				_ = m.next.Touch(context.Background(), id, r.Version, inAnHour())
			}
		}
		m.around = func(ctx context.Context, name, id string, next func(context.Context) error) error {
			err := next(ctx)
			if name == method && err != nil && id != "" {
				slide(id)
			}
			return err
		}
	}}
}

// writable reports whether a store takes a record.
func writable(r sessionstore.Record) bool {
	return sessionstore.CheckRecord(r) == nil && len(r.Data) <= referenceMaxData
}
