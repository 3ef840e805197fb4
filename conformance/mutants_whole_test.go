package conformance

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// wholeMutants keep a record in parts, or know its parts too well.
func wholeMutants() []mutant {
	const behind, successor = "pages/deletes behind what is dead", "concurrency/the successor of an expired record lives"
	return []mutant{
		{"large data is read in two parts", []string{"concurrency/large records are whole"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if half := len(r.Data) / 2; err == nil && half > 8<<10 {
					pause(rand.N(200 * time.Microsecond))
					if later, err := m.next.Load(ctx, id); err == nil && len(later.Data) == len(r.Data) {
						copy(r.Data[half:], later.Data[half:])
					}
				}
				return r, err
			}
		}},
		{"Touch leaves the expiry of the data", []string{"touch/later"}, func(m *mutated) { dataEnds(m, 0) }},
		{"Touch leaves the expiry of large data", []string{"touch/later"}, func(m *mutated) { dataEnds(m, 8<<10) }},
		{"large data outlives a Delete", []string{"create/after delete"}, func(m *mutated) { dataStays(m, false) }},
		{"large data outlives its expiry", []string{"create/replaces an expired record"}, func(m *mutated) { dataStays(m, true) }},
		{"a Touch of nobody's record is none", []string{"touch/is reported"}, func(m *mutated) {
			touch := m.touch
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				if r, err := m.ref.Load(ctx, id); err == nil && r.Subject == "" && r.Version == v && sessionstore.CheckExpires(e) == nil {
					return nil
				}
				return touch(ctx, id, v, e)
			}
		}},
		{"Touch finds no record without data", []string{"touch/is reported"}, func(m *mutated) {
			onTouch(m, func(stored sessionstore.Record, _ *sessionstore.Version, _ *time.Time) error {
				if stored.Version != 0 && len(stored.Data) == 0 {
					return sessionstore.ErrNotFound
				}
				return nil
			})
		}},
		{"Create with what is there is taken for made before", []string{"create/refuses a live record"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				return sameContent(ctx, m, id, r, m.next.Create(ctx, id, r), sessionstore.ErrExists)
			}
		}},
		{"Update to what is there is taken for made before", []string{"update/refuses another version"}, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				return sameContent(ctx, m, id, r, m.next.Update(ctx, id, old, r), sessionstore.ErrConflict)
			}
		}},
		{"DeleteSubject leaves what has no data", []string{"subjects/deletes and counts"}, func(m *mutated) {
			m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool { return len(e.Record.Data) > 0 })
		}},
		onList("a list has a version once", "subjects/lists each once", func(_ string, list []sessionstore.Entry) []sessionstore.Entry {
			return slices.CompactFunc(list, func(a, b sessionstore.Entry) bool { return a.Record.Version == b.Record.Version })
		}),
		{"Touch takes ids that differ in case for one", []string{"ids/differ in case"}, func(m *mutated) {
			created, touch := m.created(), m.touch
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				err := touch(ctx, id, v, e)
				for _, other := range created.all() {
					if r, found := m.ref.Load(ctx, other); err == nil && found == nil && other != id && strings.EqualFold(other, id) {
						_ = m.ref.Touch(ctx, other, r.Version, e)
					}
				}
				return err
			}
		}},
		{"a Load within a Scan has what the Scan has", []string{"scan/writes within"}, isolated(func(own *mutated) {
			var then memory[sessionstore.Record]
			own.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					for _, e := range collected(own.next.Scan(ctx)) {
						then.put(e.ID, e.Record)
					}
					own.next.Scan(ctx)(yield)
					for _, id := range then.all() {
						then.remove(id)
					}
				}
			}
			own.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if r, ok := then.get(id); ok {
					r.Data = bytes.Clone(r.Data)
					return r, nil
				}
				return own.next.Load(ctx, id)
			}
		})},
		{"DeleteSubject ends where a batch has none that is live", []string{behind}, isolated(func(own *mutated) {
			created := own.created()
			own.purge = func(ctx context.Context, subject string) (int, error) {
				ended := created.keys(func(r sessionstore.Record) bool { return r.Subject == subject && dead(r) })
				if len(ended) >= 100 {
					return 0, nil
				}
				return own.next.DeleteSubject(ctx, subject)
			}
		})},
		{"Scan removes what it has found expired, by its id", []string{successor}, func(m *mutated) {
			created := m.created()
			m.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					ended := created.keys(dead)
					pause(rand.N(300 * time.Microsecond))
					for _, id := range ended {
						_ = m.next.Delete(ctx, id)
					}
					m.next.Scan(ctx)(yield)
				}
			}
		}},
		{"an error has how the subject begins", []string{"errors/no data"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				err := m.next.Create(ctx, id, r)
				if errors.Is(err, sessionstore.ErrExists) {
					return fmt.Errorf("%w: of %.3s…", err, r.Subject)
				}
				return err
			}
		}},
	}
}

// sameContent takes a refused write for one that was made before if all but the version is
// stored.
func sameContent(ctx context.Context, m *mutated, id string, r sessionstore.Record, err, refused error) error {
	there, found := m.ref.Load(ctx, id)
	if errors.Is(err, refused) && found == nil && bytes.Equal(there.Data, r.Data) && there.Subject == r.Subject {
		return nil
	}
	return err
}

// dataEnds has data that is larger than this end when it was written to end.
func dataEnds(m *mutated, larger int) {
	created := m.created()
	m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
		r, err := m.next.Load(ctx, id)
		if c, ok := created.get(id); ok && c.Version == r.Version && dead(c) && len(r.Data) > larger {
			r.Data = nil
		}
		return r, err
	}
}

// dataStays keeps large data beside the records, and does not remove it with a record that
// is deleted, or has expired.
func dataStays(m *mutated, expired bool) {
	var large memory[[]byte]
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		err := m.next.Create(ctx, id, r)
		if err == nil && len(r.Data) > 8<<10 {
			large.put(id, bytes.Clone(r.Data))
		}
		return err
	}
	m.remove = func(ctx context.Context, id string) error {
		if expired {
			large.remove(id)
		}
		return m.next.Delete(ctx, id)
	}
	m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
		r, err := m.next.Load(ctx, id)
		if data, ok := large.get(id); ok && err == nil {
			r.Data = bytes.Clone(data)
		}
		return r, err
	}
}
