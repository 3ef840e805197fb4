package conformance

import (
	"context"
	"errors"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
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
				m.load = func(ctx context.Context, id string) (session.Record, error) {
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
				m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
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
				if method == "Delete" && !seen.has(id) && session.CheckID(id) == nil && ctx.Err() == nil && !m.ref.foreign.has(id) {
					return session.ErrNotFound
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
					return session.ErrNotFound
				}
				return next(ctx, id)
			}
		}},
		{"Delete fails on what has expired", []string{"delete/expired"}, func(m *mutated) {
			created := m.created()
			next := m.remove
			m.remove = func(ctx context.Context, id string) error {
				if r, ok := created.get(id); ok && dead(r) {
					return session.ErrNotFound
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

func versionMutants() []mutant {
	return []mutant{
		{"versions go through a float", []string{"versions/any number"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (session.Record, error) {
				r, err := m.next.Load(ctx, id)
				if r.Version < 1<<63 {
					r.Version = session.Version(float64(r.Version))
				}
				return r, err
			}
		}},
		matches("versions are compared in their lower 32 bits", []string{"versions/compared in full"},
			func(stored, old session.Version) bool { return uint32(stored) == uint32(old) }),
		matches("zero matches every version", []string{"versions/zero matches nothing"},
			func(_, old session.Version) bool { return old == 0 }),
		{
			"versions have to rise",
			[]string{"versions/need not rise", "versions/any number"},
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
					if stored, err := m.ref.Load(ctx, id); err == nil && r.Version < stored.Version && r.Version != 0 {
						return session.ErrConflict
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
		{"a version outlives Delete", orders("versions/none survives delete and create"), func(m *mutated) {
			var last memory[session.Version]
			m.remove = func(ctx context.Context, id string) error {
				if r, err := m.ref.Load(ctx, id); err == nil {
					last.put(id, r.Version)
				}
				return m.next.Delete(ctx, id)
			}
			m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
				stored, err := m.ref.Load(ctx, id)
				if v, ok := last.get(id); ok && err == nil && v == old {
					old = stored.Version
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"a version outlives expiry", []string{"versions/none survives expiry and create"}, func(m *mutated) {
			created := m.created()
			var last memory[session.Version]
			create := m.create
			m.create = func(ctx context.Context, id string, r session.Record) error {
				if former, ok := created.get(id); ok && dead(former) {
					last.put(id, former.Version)
				}
				return create(ctx, id, r)
			}
			m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
				stored, err := m.ref.Load(ctx, id)
				if v, ok := last.get(id); ok && err == nil && v == old {
					old = stored.Version
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
	}
}

// matches returns a mutant with another idea of when versions are the same.
func matches(name string, breaks []string, same func(stored, old session.Version) bool) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
			if stored, err := m.ref.Load(ctx, id); err == nil && same(stored.Version, old) {
				old = stored.Version
			}
			return m.next.Update(ctx, id, old, r)
		}
	}}
}

func expiryMutants() []mutant {
	return []mutant{
		{"records die early", []string{"expiry/live until then"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (session.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil && time.Until(r.Expires) < shortLife/2 {
					return session.Record{}, session.ErrNotFound
				}
				return r, err
			}
		}},
		{"Load returns what has expired", []string{"expiry/dead from then on", "expiry/very soon"}, func(m *mutated) {
			created := m.created()
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method != "Load" && method != "Create" {
					created.remove(id)
				}
				return next(ctx)
			}
			m.load = func(ctx context.Context, id string) (session.Record, error) {
				if r, ok := created.get(id); ok && dead(r) {
					return r, nil
				}
				return m.next.Load(ctx, id)
			}
		}},
		{
			"Update does not prolong",
			[]string{"expiry/of an update, later", "prune/leaves what was prolonged"},
			func(m *mutated) {
				m.load = diesAsCreated(m, "Touch")
			},
		},
		{"Update does not shorten, but says so", []string{"expiry/of an update, earlier"}, func(m *mutated) {
			var shortened memory[session.Record]
			m.update = func(ctx context.Context, id string, old session.Version, r session.Record) error {
				if stored, err := m.ref.Load(ctx, id); err == nil && r.Expires.Before(stored.Expires) {
					shortened.put(id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
			m.load = livesOn(m, &shortened)
		}},
		{"the shortest lives are for ever", []string{"expiry/very soon"}, func(m *mutated) {
			onCreate(m, func(r *session.Record) {
				if left := time.Until(r.Expires); left > 0 && left < shortLife/2 {
					r.Expires = inAnHour()
				}
			})
		}},
	}
}

// diesAsCreated returns a Load that goes by the expiry that a record was created
// with, until a method is called that moves it.
func diesAsCreated(m *mutated, mover string) func(context.Context, string) (session.Record, error) {
	created := m.created()
	m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
		if method == mover {
			created.remove(id)
		}
		return next(ctx)
	}
	return func(ctx context.Context, id string) (session.Record, error) {
		if r, ok := created.get(id); ok && dead(r) {
			return session.Record{}, session.ErrNotFound
		}
		return m.next.Load(ctx, id)
	}
}

// livesOn returns a Load that still returns some records that have expired.
func livesOn(m *mutated, some *memory[session.Record]) func(context.Context, string) (session.Record, error) {
	return func(ctx context.Context, id string) (session.Record, error) {
		r, err := m.next.Load(ctx, id)
		if kept, ok := some.get(id); ok && errors.Is(err, session.ErrNotFound) && dead(kept) {
			return kept, nil
		}
		return r, err
	}
}

func clockMutants() []mutant {
	const zones = "clock/time zones"
	return []mutant{
		{"Expires comes back in a zone of its own", []string{"clock/UTC"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (session.Record, error) {
				r, err := m.next.Load(ctx, id)
				r.Expires = r.Expires.In(time.FixedZone("", 7200))
				return r, err
			}
		}},
		{"the zone of Expires is dropped", []string{zones}, func(m *mutated) {
			onCreate(m, func(r *session.Record) {
				if l := r.Expires.Location(); l != time.UTC && l != time.Local { //nolint:gosmopolitan // others' zones are meant
					_, offset := r.Expires.Zone()
					r.Expires = r.Expires.Add(time.Duration(offset) * time.Second)
				}
			})
		}},
		lifetimes("a minute is too short", []string{"clock/one minute"}, func(r *session.Record) {
			if left := time.Until(r.Expires); left > 30*time.Second && left < 2*time.Minute {
				r.Expires = r.Expires.Add(time.Minute)
			}
		}),
		lifetimes("lives are cut at 29 days", []string{
			"clock/thirty days less a second", "clock/thirty days", "clock/thirty days and a second",
			"clock/four hundred days", "clock/the last year",
		}, cutAt(29*day)),
		lifetimes("lives over thirty days are taken for a date in the past", []string{
			"clock/thirty days and a second", "clock/four hundred days", "clock/the last year",
		}, func(r *session.Record) {
			if time.Until(r.Expires) > 30*day {
				r.Expires = time.Now().Add(time.Microsecond)
			}
		}),
		lifetimes("lives are cut at a year", []string{"clock/four hundred days", "clock/the last year"}, cutAt(365*day)),
		lifetimes("time ends in 2038", []string{"clock/the last year"}, func(r *session.Record) {
			if end := time.Unix(1<<31-1, 0); r.Expires.After(end) {
				r.Expires = end
			}
		}),
		lifetimes("Create rounds down", []string{"clock/fractions of a second, created"}, roundDown),
		lifetimes("Create rounds up too far", []string{"clock/fractions of a second, created"}, func(r *session.Record) {
			if time.Until(r.Expires) > time.Minute && r.Expires.Nanosecond() != 0 {
				r.Expires = r.Expires.Truncate(time.Second).Add(time.Second)
			}
		}),
		{"Update rounds down", []string{"clock/fractions of a second, updated"}, func(m *mutated) {
			onUpdate(m, func(_ session.Record, r *session.Record) { roundDown(r) })
		}},
		{"Touch rounds down", []string{"clock/fractions of a second, touched"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, expires time.Time) error {
				r := session.Record{Expires: expires}
				roundDown(&r)
				return m.next.Touch(ctx, id, r.Expires)
			}
		}},
	}
}

// lifetimes returns a mutant whose Create changes an expiry that is right.
func lifetimes(name string, breaks []string, change func(*session.Record)) mutant {
	return mutant{name, breaks, func(m *mutated) {
		onCreate(m, func(r *session.Record) {
			if session.CheckRecord(*r) == nil {
				change(r)
			}
		})
	}}
}

func cutAt(life time.Duration) func(*session.Record) {
	return func(r *session.Record) {
		if time.Until(r.Expires) > life {
			r.Expires = time.Now().Add(life)
		}
	}
}

func roundDown(r *session.Record) {
	if time.Until(r.Expires) > time.Minute {
		r.Expires = r.Expires.Truncate(time.Second)
	}
}
