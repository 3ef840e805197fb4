package conformance

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// certainMutants say more for certain, or more at all, than they should.
func certainMutants() []mutant {
	const noData, one = "errors/no data", "errors/one sentinel each"
	var all []mutant
	for _, method := range methods() {
		name := method.name
		all = append(all,
			mutant{"a context that is done is not found in " + name, []string{"context/done before " + name}, func(m *mutated) {
				m.around = func(ctx context.Context, method, _ string, next func(context.Context) error) error {
					if err := ctx.Err(); err != nil && method == name {
						return fmt.Errorf("memstore: %w: %w", sessionstore.ErrNotFound, err)
					}
					return next(ctx)
				}
			}},
			mutant{"a deadline that passes is a conflict in " + name, []string{"context/done during " + name}, func(m *mutated) {
				m.Stall = func(testing.TB) sessionstore.Store {
					b := stalled("")
					right := b.around
					b.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
						err := right(ctx, method, id, next)
						if errors.Is(err, context.DeadlineExceeded) && method == name {
							return errors.Join(sessionstore.ErrConflict, err)
						}
						return err
					}
					return b
				}
			}})
	}
	return append(all,
		quotes("ErrTooLarge quotes the data", sessionstore.ErrTooLarge, func(data []byte) string { return fmt.Sprintf("%.200q", data) }),
		quotes("ErrCorrupt has the data as a list", sessionstore.ErrCorrupt, func(data []byte) string { return fmt.Sprintf("%#v", data) }),
		quotes("ErrConflict has the start of the data", sessionstore.ErrConflict,
			func(data []byte) string { return string(data[:min(len(data), 16)]) }),
		quotes("ErrInvalid has the data in hex", sessionstore.ErrInvalid, func(data []byte) string { return fmt.Sprintf("%X", data) }),
		quotes("ErrExists has the end of the data in base64", sessionstore.ErrExists, func(data []byte) string {
			return base64.URLEncoding.EncodeToString(data[len(data)/2+1:])
		}),
		mutant{"an outage's error has the data", []string{noData}, func(m *mutated) {
			m.Outage = func(testing.TB) (sessionstore.Store, error) {
				b := down()
				return &quoting{broken: b}, errDown
			}
		}},
		mutant{"ErrConflict of Touch is ErrNotFound too", []string{one}, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				err := m.next.Touch(ctx, id, version, expires)
				if errors.Is(err, sessionstore.ErrConflict) {
					return errors.Join(err, sessionstore.ErrNotFound)
				}
				return err
			}
		}},
		mutant{"ErrCorrupt of Load is ErrNotFound too", []string{one}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if errors.Is(err, sessionstore.ErrCorrupt) {
					return r, errors.Join(err, sessionstore.ErrNotFound)
				}
				return r, err
			}
		}},
		matchesTouch("Touch compares versions in their lower 32 bits", []string{"versions/compared in full"},
			func(stored, version sessionstore.Version) bool { return uint32(stored) == uint32(version) }),
		matchesTouch("zero matches every version in Touch", []string{"versions/zero matches nothing"},
			func(_, version sessionstore.Version) bool { return version == 0 }),
		mutant{"Create compares versions as floating-point numbers", []string{"versions/compared in full"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				stored, err := m.ref.Load(ctx, id)
				if err == nil && float64(stored.Version) == float64(r.Version) && sessionstore.CheckRecord(r) == nil {
					return nil
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		mutant{
			"what is far too large breaks the connection",
			[]string{"limits/too large to create", "limits/too large to update"},
			func(m *mutated) {
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if len(r.Data) >= 2*referenceMaxData {
						return errors.New("memstore: broken pipe")
					}
					return m.next.Create(ctx, id, r)
				}
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if len(r.Data) >= 2*referenceMaxData {
						return errors.New("memstore: broken pipe")
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
		mutant{"Prune removes what is damaged", []string{"prune/leaves what is damaged"}, func(m *mutated) {
			m.prune = func(ctx context.Context) (int, error) {
				if ctx.Err() == nil { // as other cases have it, beside those about damage
					for _, id := range m.ref.foreign.all() {
						m.ref.foreign.remove(id)
					}
				}
				return m.next.Prune(ctx)
			}
		}},
		misplacing("Touch moves another's record", []string{"corruption/another's record is not touched"}, func(m *mutated,
			from *memory[string],
		) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if own, ok := from.get(id); ok {
					_ = m.next.Touch(ctx, own, version, expires)
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}),
		misplacing("Touch of another's record succeeds", []string{"corruption/another's record is not touched"}, func(m *mutated,
			from *memory[string],
		) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if _, ok := from.get(id); ok {
					return nil
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}),
		misplacing("ListSubject lists another's record", []string{"corruption/another's record is not listed"}, func(m *mutated,
			from *memory[string],
		) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, id := range from.all() {
					own, _ := from.get(id)
					if r, err := m.ref.Load(ctx, own); err == nil && r.Subject == subject && m.ref.foreign.has(id) {
						list = append(list, sessionstore.Entry{ID: id, Record: r})
					}
				}
				return list, err
			}
		}),
		misplacing("Delete of another's record deletes the other's", []string{"corruption/another's record is deleted alone"},
			func(m *mutated, from *memory[string]) {
				m.remove = func(ctx context.Context, id string) error {
					if own, ok := from.get(id); ok {
						_ = m.next.Delete(ctx, own)
					}
					return m.next.Delete(ctx, id)
				}
			}),
	)
}

// quotes returns a mutant that has data in one of the errors.
func quotes(name string, sentinel error, shape func(data []byte) string) mutant {
	return mutant{name, []string{"errors/no data"}, func(m *mutated) {
		quote := func(err error, data []byte) error {
			if errors.Is(err, sentinel) && len(data) > 0 {
				return fmt.Errorf("%w: %s", err, shape(data))
			}
			return err
		}
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			return quote(m.next.Create(ctx, id, r), r.Data)
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			return quote(m.next.Update(ctx, id, old, r), r.Data)
		}
	}}
}

// quoting has the data in each error of Create.
type quoting struct{ *broken }

func (q *quoting) Create(ctx context.Context, id string, r sessionstore.Record) error {
	return fmt.Errorf("%w: writing %s", q.broken.Create(ctx, id, r), r.Data)
}

// matchesTouch returns a mutant whose Touch compares versions otherwise.
func matchesTouch(name string, breaks []string, same func(stored, version sessionstore.Version) bool) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
			if stored, err := m.ref.Load(ctx, id); err == nil && same(stored.Version, version) {
				version = stored.Version
			}
			return m.next.Touch(ctx, id, version, expires)
		}
	}}
}

// misplacing returns a mutant that knows which record is where it does not belong.
func misplacing(name string, breaks []string, plant func(m *mutated, from *memory[string])) mutant {
	return mutant{name, breaks, func(m *mutated) {
		var from memory[string]
		misplace := m.Misplace
		m.Misplace = func(tb testing.TB, own, to string) {
			tb.Helper()
			from.put(to, own)
			misplace(tb, own, to)
		}
		plant(m, &from)
	}}
}
