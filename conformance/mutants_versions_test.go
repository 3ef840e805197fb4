package conformance

import (
	"context"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func versionMutants() []mutant {
	return []mutant{
		{"versions go through a float", []string{"versions/any number"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if r.Version < 1<<63 {
					r.Version = sessionstore.Version(float64(r.Version))
				}
				return r, err
			}
		}},
		matches("versions are compared in their lower 32 bits", []string{"versions/compared in full"},
			func(stored, old sessionstore.Version) bool { return uint32(stored) == uint32(old) }),
		matches("zero matches every version", []string{"versions/zero matches nothing"},
			func(_, old sessionstore.Version) bool { return old == 0 }),
		{
			"versions have to rise",
			[]string{"versions/need not rise", "versions/any number"},
			func(m *mutated) {
				m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
					if stored, err := m.ref.Load(ctx, id); err == nil && r.Version < stored.Version && r.Version != 0 {
						return sessionstore.ErrConflict
					}
					return m.next.Update(ctx, id, old, r)
				}
			},
		},
		{"a version outlives Delete", orders("versions/none survives delete and create"), func(m *mutated) {
			var last memory[sessionstore.Version]
			m.remove = func(ctx context.Context, id string) error {
				if r, err := m.ref.Load(ctx, id); err == nil {
					last.put(id, r.Version)
				}
				return m.next.Delete(ctx, id)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				stored, err := m.ref.Load(ctx, id)
				if v, ok := last.get(id); ok && err == nil && v == old {
					old = stored.Version
				}
				return m.next.Update(ctx, id, old, r)
			}
		}},
		{"a version outlives expiry", []string{"versions/none survives expiry and create"}, func(m *mutated) {
			created := m.created()
			var last memory[sessionstore.Version]
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if former, ok := created.get(id); ok && dead(former) {
					last.put(id, former.Version)
				}
				return create(ctx, id, r)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
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
func matches(name string, breaks []string, same func(stored, old sessionstore.Version) bool) mutant {
	return mutant{name, breaks, func(m *mutated) {
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			if stored, err := m.ref.Load(ctx, id); err == nil && same(stored.Version, old) {
				old = stored.Version
			}
			return m.next.Update(ctx, id, old, r)
		}
	}}
}
