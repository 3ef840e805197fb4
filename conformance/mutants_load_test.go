package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func loadMutants() []mutant {
	return []mutant{
		{"Load returns an empty record for nothing", []string{"load/absent"}, func(m *mutated) {
			var seen set
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method != "Load" {
					seen.add(id)
				}
				return next(ctx)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if errors.Is(err, sessionstore.ErrNotFound) && !seen.has(id) {
					return sessionstore.Record{}, nil
				}
				return r, err
			}
		}},
		{"data that fills its last page loses a byte", []string{"load/data of every size"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if n := len(r.Data); n > 0 && n%4096 == 0 {
					r.Data = r.Data[:n-1]
				}
				return r, err
			}
		}},
		{"data loses zeros at its end", []string{"load/data as written"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				if bytes.HasSuffix(r.Data, []byte{0, 0, 0}) {
					r.Data = bytes.TrimRight(r.Data, "\x00")
				}
			})
		}},
		{"empty data is not stored", []string{"load/empty data"}, func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if len(r.Data) == 0 {
					return nil
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		{"data is cut at 32 KiB", []string{"load/large data"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				if len(r.Data) <= referenceMaxData {
					r.Data = r.Data[:min(len(r.Data), 1<<15)]
				}
			})
		}},
		{"subjects are normalised", []string{"load/subject as written"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				r.Subject = strings.ReplaceAll(r.Subject, "e\u0301", "\u00e9")
			})
		}},
		{"nobody is anonymous", []string{"load/empty subject", "scan/finds the live records"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) {
				if r.Subject == "" {
					r.Subject = "anonymous"
				}
			})
		}},
		{"repeated Load prolongs", []string{"load/changes nothing", "ids/others touch nothing"}, func(m *mutated) {
			var loads memory[int]
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method != "Load" {
					loads.remove(id)
				}
				return next(ctx)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				n, _ := loads.get(id)
				loads.put(id, n+1)
				r, err := m.next.Load(ctx, id)
				if err == nil && n > 0 && time.Until(r.Expires) > shortLife {
					err = m.next.Touch(ctx, id, r.Version, r.Expires.Add(time.Minute))
				}
				return r, err
			}
		}},
	}
}

// onCreate has Create store something else.
func onCreate(m *mutated, change func(*sessionstore.Record)) {
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		change(&r)
		return m.next.Create(ctx, id, r)
	}
}

// onUpdate has Update store something else; old is what is there.
func onUpdate(m *mutated, change func(old sessionstore.Record, r *sessionstore.Record)) {
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		if stored, err := m.ref.Load(ctx, id); err == nil {
			change(stored, &r)
		}
		return m.next.Update(ctx, id, old, r)
	}
}
