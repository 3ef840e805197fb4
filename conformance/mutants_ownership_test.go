package conformance

import (
	"bytes"
	"context"
	"iter"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func ownershipMutants() []mutant {
	return []mutant{
		{"Create keeps the caller's slice", []string{"ownership/create does not keep data"}, func(m *mutated) {
			kept := m.created()
			m.load = loadKept(m, kept)
		}},
		{"Update keeps the caller's slice", []string{"ownership/update does not keep data"}, func(m *mutated) {
			var kept memory[sessionstore.Record]
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if err == nil {
					kept.put(id, r)
				}
				return err
			}
			m.load = loadKept(m, &kept)
		}},
		{"Create appends to the caller's slice", []string{"ownership/create does not change data"}, func(m *mutated) {
			onCreate(m, func(r *sessionstore.Record) { _ = append(r.Data, "trailer"...) })
		}},
		{"Update appends to the caller's slice", []string{"ownership/update does not change data"}, func(m *mutated) {
			onUpdate(m, func(_ sessionstore.Record, r *sessionstore.Record) { _ = append(r.Data, "trailer"...) })
		}},
		{"Load returns its own slice", []string{"ownership/loaded data is the caller's"}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil {
					r.Data = cached(&cache, id, r)
				}
				return r, err
			}
		}},
		{"ListSubject returns its own slices", []string{"ownership/listed data is the caller's"}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for i, e := range list {
					list[i].Record.Data = cached(&cache, e.ID, e.Record)
				}
				return list, err
			}
		}},
		{"ListSubject returns parts of memory that grows", []string{"ownership/listed data is the caller's"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				var grows []byte
				for i := range list {
					list[i].Record.Data = behind(&grows, list[i].Record.Data)
				}
				return list, err
			}
		}},
		{"Scan yields parts of memory that grows", []string{"ownership/scanned data is the caller's"}, func(m *mutated) {
			m.Isolated = isolatedAs(func(own *mutated) {
				own.scan = func(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
					return func(yield func(sessionstore.Entry, error) bool) {
						var grows []byte
						for e, err := range own.next.Scan(ctx) {
							if e.Record.Data = behind(&grows, e.Record.Data); !yield(e, err) {
								return
							}
						}
					}
				}
			})
		}},
	}
}

// behind appends data to what grows, and returns its copy there.
func behind(grows *[]byte, data []byte) []byte {
	*grows = append(*grows, data...)
	return (*grows)[len(*grows)-len(data):]
}

// loadKept returns a Load that has data from slices that were kept.
func loadKept(m *mutated, kept *memory[sessionstore.Record]) func(context.Context, string) (sessionstore.Record, error) {
	return func(ctx context.Context, id string) (sessionstore.Record, error) {
		r, err := m.next.Load(ctx, id)
		if k, ok := kept.get(id); ok && err == nil && k.Version == r.Version {
			r.Data = bytes.Clone(k.Data)
		}
		return r, err
	}
}

// cached returns the data that was returned before for the same version.
func cached(cache *memory[sessionstore.Record], id string, r sessionstore.Record) []byte {
	if c, ok := cache.get(id); ok && c.Version == r.Version {
		return c.Data
	}
	r.Data = slices.Clip(r.Data)
	cache.put(id, r)
	return r.Data
}
