package conformance

import (
	"context"
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func expiryMutants() []mutant {
	return []mutant{
		{"records die early", []string{"expiry/live until then"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil && time.Until(r.Expires) < shortLife/2 {
					return sessionstore.Record{}, sessionstore.ErrNotFound
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
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
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
			var shortened memory[sessionstore.Record]
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if stored, err := m.ref.Load(ctx, id); err == nil && r.Expires.Before(stored.Expires) {
					shortened.put(id, r)
				}
				return m.next.Update(ctx, id, old, r)
			}
			m.load = livesOn(m, &shortened)
		}},
		{"the shortest lives are for ever", []string{"expiry/very soon"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				if left := time.Until(r.Expires); left > 0 && left < shortLife/2 {
					r.Expires = inAnHour()
				}
			})
		}},
	}
}

// diesAsCreated returns a Load that goes by the expiry that a record was created
// with, until a method is called that moves it.
func diesAsCreated(m *mutated, mover string) func(context.Context, string) (sessionstore.Record, error) {
	created := m.created()
	m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
		if method == mover {
			created.remove(id)
		}
		return next(ctx)
	}
	return func(ctx context.Context, id string) (sessionstore.Record, error) {
		if r, ok := created.get(id); ok && dead(r) {
			return sessionstore.Record{}, sessionstore.ErrNotFound
		}
		return m.next.Load(ctx, id)
	}
}

// livesOn returns a Load that still returns some records that have expired.
func livesOn(m *mutated, some *memory[sessionstore.Record]) func(context.Context, string) (sessionstore.Record, error) {
	return func(ctx context.Context, id string) (sessionstore.Record, error) {
		r, err := m.next.Load(ctx, id)
		if kept, ok := some.get(id); ok && errors.Is(err, sessionstore.ErrNotFound) && dead(kept) {
			return kept, nil
		}
		return r, err
	}
}

func clockMutants() []mutant {
	return []mutant{
		{"Expires comes back in a zone of its own", []string{"clock/UTC"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				r.Expires = r.Expires.In(time.FixedZone("", 7200))
				return r, err
			}
		}},
		{"the zone of Expires is dropped", []string{"clock/time zones"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				if l := r.Expires.Location(); l != time.UTC && l != time.Local { //nolint:gosmopolitan // others' zones are meant
					_, offset := r.Expires.Zone()
					r.Expires = r.Expires.Add(time.Duration(offset) * time.Second)
				}
			})
		}},
		lifetimes("a minute is too short", []string{"clock/one minute"}, func(r *sessionstore.Record) {
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
		}, func(r *sessionstore.Record) {
			if time.Until(r.Expires) > 30*day {
				r.Expires = time.Now().Add(time.Microsecond)
			}
		}),
		lifetimes("lives are cut at a year", []string{"clock/four hundred days", "clock/the last year"}, cutAt(365*day)),
		lifetimes("time ends in 2038", []string{"clock/the last year"}, func(r *sessionstore.Record) {
			if end := time.Unix(1<<31-1, 0); r.Expires.After(end) {
				r.Expires = end
			}
		}),
		lifetimes("time ends with the year 2261", []string{"clock/the last year"}, func(r *sessionstore.Record) {
			if end := time.Date(2262, time.January, 1, 0, 0, 0, -1, time.UTC); r.Expires.After(end) {
				r.Expires = end
			}
		}),
		lifetimes("Create rounds down", []string{"clock/fractions of a second, created"}, roundDown),
		lifetimes("Create rounds up too far", []string{"clock/fractions of a second, created"}, func(r *sessionstore.Record) {
			if time.Until(r.Expires) > time.Minute && r.Expires.Nanosecond() != 0 {
				r.Expires = r.Expires.Truncate(time.Second).Add(time.Second)
			}
		}),
		{"Update rounds down", []string{"clock/fractions of a second, updated"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) { roundDown(r) })
		}},
		{"Touch rounds down", []string{"clock/fractions of a second, touched"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				r := sessionstore.Record{Expires: expires}
				roundDown(&r)
				return m.next.Touch(ctx, id, version, r.Expires)
			}
		}},
	}
}

// lifetimes returns a mutant whose Create changes an expiry that is right.
func lifetimes(name string, breaks []string, change func(*sessionstore.Record)) mutant {
	return mutant{name, breaks, func(m *mutated) {
		onCreate(m, func(r *sessionstore.Record) {
			if sessionstore.CheckRecord(*r) == nil {
				change(r)
			}
		})
	}}
}

func cutAt(life time.Duration) func(*sessionstore.Record) {
	return func(r *sessionstore.Record) {
		if time.Until(r.Expires) > life {
			r.Expires = time.Now().Add(life)
		}
	}
}

func roundDown(r *sessionstore.Record) {
	if time.Until(r.Expires) > time.Minute {
		r.Expires = r.Expires.Truncate(time.Second)
	}
}
