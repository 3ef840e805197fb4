package conformance

import (
	"context"
	"errors"
	"os"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func touchMutants() []mutant {
	const withTouch, underUpdate = "concurrency/one order with touch", "concurrency/touched under an update"
	return []mutant{
		{
			"Touch does not prolong, but says so",
			[]string{"touch/later", "prune/leaves what was prolonged"},
			func(m *mutated) {
				m.load = diesAsCreated(m, "Update")
			},
		},
		{"Touch does not shorten, but says so", []string{"touch/earlier"}, func(m *mutated) {
			var shortened memory[sessionstore.Record]
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if r, err := m.ref.Load(ctx, id); err == nil && expires.Before(r.Expires) {
					r.Expires = expires
					shortened.put(id, r)
				}
				return m.next.Touch(ctx, id, version, expires)
			}
			m.load = livesOn(m, &shortened)
		}},
		{
			"Load reports the expiry from before Touch",
			[]string{"touch/is reported", "clock/fractions of a second, touched", underUpdate},
			func(m *mutated) {
				var before memory[time.Time]
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					r, _ := m.ref.Load(ctx, id)
					err := m.next.Touch(ctx, id, version, expires)
					if err == nil {
						before.put(id, r.Expires)
					}
					return err
				}
				m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
					r, err := m.next.Load(ctx, id)
					if expires, ok := before.get(id); ok && err == nil {
						r.Expires = expires
					}
					return r, err
				}
			},
		},
		{"Touch loses the subject", []string{"touch/leaves data and subject"}, func(m *mutated) {
			var touched set
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				touched.add(id)
				return m.next.Touch(ctx, id, version, expires)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if touched.has(id) {
					r.Subject = ""
				}
				return r, err
			}
		}},
		{
			"Touch writes a new version",
			[]string{"touch/leaves the version", "touch/before an update", withTouch, underUpdate},
			func(m *mutated) {
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					bare := struct{ sessionstore.Store }{m.next}
					return sessionstore.Touch(ctx, bare, id, version, expires)
				}
			},
		},
		{
			"an Update after Touch conflicts once",
			[]string{"touch/before an update", withTouch, underUpdate},
			func(m *mutated) {
				var touched set
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					err := m.next.Touch(ctx, id, version, expires)
					if err == nil {
						touched.add(id)
					}
					return err
				}
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if stored, err := m.ref.Load(ctx, id); err == nil && stored.Version == old && touched.has(id) {
						touched.remove(id)
						return sessionstore.ErrConflict
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
		{
			"Touch disregards the version",
			[]string{"touch/loses to an update", "touch/loses to a record created anew", withTouch, underUpdate},
			func(m *mutated) {
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					if r, err := m.ref.Load(ctx, id); err == nil {
						version = r.Version
					}
					return m.next.Touch(ctx, id, version, expires)
				}
			},
		},
		{"Touch looks before it writes", []string{underUpdate}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				r, err := m.ref.Load(ctx, id)
				pause(100 * time.Microsecond)
				if stored, _ := m.ref.Load(ctx, id); err == nil && r.Version == version && stored.Version != 0 {
					version = stored.Version
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{
			"Touch goes by a version from before Delete",
			[]string{"touch/loses to a record created anew", withTouch},
			func(m *mutated) {
				var before memory[sessionstore.Version]
				m.remove = func(ctx context.Context, id string) error {
					if r, err := m.ref.Load(ctx, id); err == nil {
						before.put(id, r.Version)
					}
					return m.next.Delete(ctx, id)
				}
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					r, err := m.ref.Load(ctx, id)
					if old, ok := before.get(id); ok && err == nil && old == version {
						version = r.Version
					}
					return m.next.Touch(ctx, id, version, expires)
				}
			},
		},
		{"Touch of nothing succeeds", []string{"touch/never creates"}, func(m *mutated) {
			var seen set
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method != "Touch" {
					seen.add(id)
				}
				return next(ctx)
			}
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := m.next.Touch(ctx, id, version, expires)
				if errors.Is(err, sessionstore.ErrNotFound) && !seen.has(id) {
					return nil
				}
				return err
			}
		}},
		{"Touch brings back what was deleted", []string{"touch/never brings back what was deleted", withTouch}, func(m *mutated) {
			deleted := m.deleted()
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if r, ok := deleted.get(id); ok {
					r.Expires = expires
					return m.create(ctx, id, r)
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"Touch brings back what has expired", []string{"touch/never brings back what has expired"}, func(m *mutated) {
			created := m.created()
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := m.next.Touch(ctx, id, version, expires)
				if r, ok := created.get(id); ok && errors.Is(err, sessionstore.ErrNotFound) {
					r.Expires = expires
					return m.create(ctx, id, r)
				}
				return err
			}
		}},
		{"Touch ignores a bad expiry without a word", []string{"touch/refuses bad expiries"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if valid := sessionstore.CheckExpires(expires) == nil; valid {
					return m.next.Touch(ctx, id, version, expires)
				}
				return nil
			}
		}},
	}
}

func pruneMutants() []mutant {
	const counts, many = "prune/removes and counts", "prune/many at the same time"
	const anew, meanwhile = "prune/leaves what was created anew", "prune/leaves what is created anew meanwhile"
	return []mutant{
		{"Prune counts nothing", []string{counts, many}, func(m *mutated) {
			m.prune = func(ctx context.Context) (int, error) {
				_, err := m.next.Prune(ctx)
				return 0, err
			}
		}},
		{"Prune counts twice", []string{counts, many}, func(m *mutated) {
			m.prune = func(ctx context.Context) (int, error) {
				n, err := m.next.Prune(ctx)
				return 2 * n, err
			}
		}},
		{"Prune fails beside another", []string{many, meanwhile}, func(m *mutated) {
			var running atomic.Int32
			m.prune = func(ctx context.Context) (int, error) {
				defer running.Add(-1)
				if running.Add(1) > 1 {
					return 0, errors.New("memstore: locked")
				}
				pause(time.Millisecond)
				return m.next.Prune(ctx)
			}
		}},
		{"Prune sweeps what is being written", []string{"prune/leaves what is being written"}, func(m *mutated) {
			var writing set
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				writing.add(id)
				if pause(50 * time.Microsecond); !writing.has(id) {
					return os.ErrNotExist
				}
				return m.next.Update(ctx, id, old, r)
			}
			m.prune = func(ctx context.Context) (int, error) {
				for _, id := range writing.all() {
					writing.remove(id)
				}
				return m.next.Prune(ctx)
			}
		}},
		{"Prune counts what Create has replaced", []string{anew}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				created := own.created()
				var replaced atomic.Int32
				create := own.create
				own.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if was, ok := created.get(id); ok && dead(was) {
						replaced.Add(1)
					}
					return create(ctx, id, r)
				}
				own.prune = func(ctx context.Context) (int, error) {
					n, err := own.next.Prune(ctx)
					return n + int(replaced.Swap(0)), err
				}
			})
		}},
		{"Prune counts what another removes", []string{many}, func(m *mutated) {
			created := m.created()
			m.prune = func(ctx context.Context) (int, error) {
				ids := created.keys(dead)
				pause(time.Millisecond)
				_, err := m.next.Prune(ctx)
				for _, id := range ids {
					created.remove(id)
				}
				return len(ids), err
			}
		}},
		{"Prune removes what was created meanwhile", []string{meanwhile}, func(m *mutated) {
			created := m.created()
			m.prune = func(ctx context.Context) (int, error) {
				ids := created.keys(dead)
				n, err := m.next.Prune(ctx)
				pause(time.Millisecond)
				for _, id := range ids {
					if r, ok := created.get(id); ok && !dead(r) {
						err = errors.Join(err, m.next.Delete(ctx, id))
					}
				}
				return n, err
			}
		}},
		pruneOf("Prune removes live records",
			func(h *written) bool { return h.creates == 1 && h.changes == 0 && !dead(h.first) }, "prune/leaves live records"),
		pruneOf("Prune goes by the first expiry after Update and Touch",
			func(h *written) bool { return h.changes > 0 && dead(h.first) }, "prune/leaves what was prolonged"),
		pruneOf("Prune goes by the first expiry after Create",
			func(h *written) bool { return h.creates > 1 && dead(h.first) }, anew, meanwhile),
	}
}

// written says how a record came about.
type written struct {
	first            sessionstore.Record
	creates, changes int
}

// pruneOf returns a mutant whose Prune removes records that it must not.
func pruneOf(name string, wrong func(*written) bool, breaks ...string) mutant {
	return mutant{name, breaks, func(m *mutated) {
		var all memory[written]
		note := func(err error, id string, r sessionstore.Record, creates, changes int) error {
			h, ok := all.get(id)
			if !ok {
				h.first = r
			}
			h.creates += creates
			h.changes += changes
			if err == nil {
				all.put(id, h)
			}
			return err
		}
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			return note(m.next.Create(ctx, id, r), id, r, 1, 0)
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			return note(m.next.Update(ctx, id, old, r), id, r, 0, 1)
		}
		m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
			return note(m.next.Touch(ctx, id, version, expires), id, sessionstore.Record{}, 0, 1)
		}
		m.prune = func(ctx context.Context) (int, error) {
			for _, id := range all.keys(func(h written) bool { return wrong(&h) }) {
				if err := m.next.Delete(ctx, id); err != nil {
					return 0, err
				}
			}
			return m.next.Prune(ctx)
		}
	}}
}
