package conformance

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// momentMutants break what is seen at the last moment, or in one method of several.
func momentMutants() []mutant {
	const early, scanned = "expiry/none is early", "expiry/none is early in a scan"
	const kept, listed = "ownership/create does not keep data", "ownership/listed data is the caller's"
	const again, cut, stopped = "scan/begins anew", "scan/says that it was cut short", "all/leaves later records"
	const data, forgets = "text/data comes back", "prune/forgets what it has removed"
	const same, lists, yields = "ids/differ in case", "subjects/lists large records", "scan/yields large records"
	ending := func(r sessionstore.Record) bool { return time.Until(r.Expires) < 2*time.Millisecond }
	return []mutant{
		scanMutant("Scan takes the last moment for the end",
			keeping(func(_ int, e sessionstore.Entry) bool { return !ending(e.Record) }), scanned),
		{"Update of a record that is about to expire finds none", []string{early}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if was, err := m.ref.Load(ctx, id); err == nil && was.Version == old && ending(was) {
					return sessionstore.ErrNotFound
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"Touch of a record that is about to expire finds none", []string{early}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if was, err := m.ref.Load(ctx, id); err == nil && was.Version == version && ending(was) {
					return sessionstore.ErrNotFound
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		scanMutant("an iteration has what the first has found", func(_ *mutated, all entries) entries {
			var once sync.Once
			var found []sessionstore.Entry
			return func(yield yield) {
				once.Do(func() { found = collected(all) })
				each(found, yield)
			}
		}, again),
		{"Scan goes on after its context's error", []string{cut}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					for e, err := range own.next.Scan(ctx) {
						if !yield(e, err) {
							return
						}
					}
					if err := ctx.Err(); err != nil {
						yield(sessionstore.Entry{}, err)
					}
				}
			}
		})},
		{"a refused Create clears the caller's data", []string{"ownership/create does not change data"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				err := m.next.Create(ctx, id, r)
				if err != nil {
					clear(r.Data)
				}
				return err
			}
		}},
		{"a refused Update clears the caller's data", []string{"ownership/update does not change data"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if err != nil {
					clear(r.Data)
				}
				return err
			}
		}},
		{"lists that are the same share memory", []string{listed}, func(m *mutated) {
			var lists memory[[]sessionstore.Entry]
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				if old, ok := lists.get(subject); ok && len(old) == len(list) {
					copy(old, list)
					return old, err
				}
				lists.put(subject, list)
				return list, err
			}
		}},
		{"ListSubject takes ids for one that differ in case", []string{same}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return oneOfEach(list), err
			}
		}},
		scanMutant("Scan takes ids for one that differ in case", func(_ *mutated, all entries) entries {
			return func(yield yield) { each(oneOfEach(collected(all)), yield) }
		}, same),
		{"ListSubject cuts large data", []string{lists}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for i := range list {
					cutLarge(&list[i])
				}
				return list, err
			}
		}},
		scanMutant("Scan cuts large data", changing(cutLarge), yields),
		{"Touch takes a large record for too large", []string{lists}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if r, err := m.ref.Load(ctx, id); err == nil && len(r.Data) > shortData {
					return sessionstore.ErrTooLarge
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"an Update that is too large moves the expiry", []string{"limits/too large to update"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrTooLarge) {
					_ = m.next.Touch(ctx, id, old, r.Expires)
				}
				return err
			}
		}},
		{"an Update is remembered beyond DeleteAll", []string{stopped}, isolated(func(own *mutated) {
			var done memory[sessionstore.Version]
			create, update := own.create, own.update
			own.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				done.put(id, r.Version)
				return create(ctx, id, r)
			}
			own.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if v, ok := done.get(id); ok && v == r.Version {
					return nil
				}
				return update(ctx, id, old, r)
			}
		})},
		{"Update of what Prune has removed is a conflict", []string{forgets}, func(m *mutated) {
			created := m.created()
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := update(ctx, id, old, r)
				if was, ok := created.get(id); ok && dead(was) && errors.Is(err, sessionstore.ErrNotFound) {
					return sessionstore.ErrConflict
				}
				return err
			}
		}},
		{"Prune leaves what is nobody's", []string{"prune/removes and counts"}, func(m *mutated) {
			created := m.created()
			m.prune = func(ctx context.Context) (int, error) {
				left := len(created.keys(func(r sessionstore.Record) bool { return dead(r) && r.Subject == "" }))
				n, err := m.next.Prune(ctx)
				return max(0, n-left), err
			}
		}},
		{"data that is a record is taken for one", []string{data}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if within, no := sessionstore.ParseRecord(r.Data, id); err == nil && no == nil {
					return within, nil
				}
				return r, err
			}
		}},
		{"Touch by less than a minute is left out", []string{"touch/is reported"}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				was, err := m.ref.Load(ctx, id)
				if by := expires.Sub(was.Expires); err == nil && was.Version == version && by.Abs() < time.Minute {
					return nil
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"fractions of a second end in 2255", []string{"clock/the last year"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if r.Expires.Year() > 2255 {
					r.Expires = r.Expires.Truncate(time.Second)
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		alike("a subject ends at an equals sign", func(subject string) string {
			before, _, _ := strings.Cut(subject, "=")
			return before
		}, "text/lists differ in patterns and separators"),
		{"Create keeps the caller's slice for the list", []string{kept}, func(m *mutated) {
			var mine memory[[]byte]
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				mine.put(id, r.Data)
				return create(ctx, id, r)
			}
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for i, e := range list {
					if data, ok := mine.get(e.ID); ok {
						list[i].Record.Data = data
					}
				}
				return list, err
			}
		}},
	}
}

// shortData is what is not large.
const shortData = 32 << 10

func cutLarge(e *sessionstore.Entry) {
	e.Record.Data = e.Record.Data[:min(len(e.Record.Data), shortData)]
}

// oneOfEach leaves out ids that differ from another in case alone.
func oneOfEach(list []sessionstore.Entry) []sessionstore.Entry {
	seen := make(map[string]bool)
	return slices.DeleteFunc(list, func(e sessionstore.Entry) bool {
		folded := strings.ToLower(e.ID)
		again := seen[folded]
		seen[folded] = true
		return again
	})
}
