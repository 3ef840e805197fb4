package conformance

import (
	"context"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// sizeMutants break one method for records of some size, of some subjects or in requests
// only: what no case about that method has thought of, walks come upon.
func sizeMutants() []mutant {
	breaks := []string{"walk/some records"}
	return []mutant{
		{"DeleteSubject spares large data", breaks, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				list, _ := m.ref.ListSubject(ctx, subject)
				n, err := m.next.DeleteSubject(ctx, subject)
				for _, e := range list {
					if len(e.Record.Data) > 10_000 {
						_ = m.next.Create(ctx, e.ID, e.Record) // where it was
					}
				}
				return n, err
			}
		}},
		{"Touch of a record without data does nothing", breaks, func(m *mutated) {
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				r, err := m.ref.Load(ctx, id)
				if err == nil && len(r.Data) == 0 && r.Version == version && sessionstore.CheckExpires(expires) == nil {
					return nil
				}
				return m.next.Touch(ctx, id, version, expires)
			}
		}},
		{"DeleteSubject deletes what was given to a subject that begins alike", breaks, func(m *mutated) {
			var given set
			onGiven(m, func(id string, _, _ sessionstore.Record) { given.add(id) })
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				for _, id := range given.all() {
					if r, gone := m.ref.Load(ctx, id); gone == nil && strings.HasPrefix(r.Subject, subject+":") {
						_ = m.next.Delete(ctx, id)
					}
				}
				return n, err
			}
		}},
		{"Update in a request goes by no version", breaks, func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				g := sessionstore.Guard{EndsByDeadline: func(time.Duration) bool { // asked about a request's context only
					if was, err := m.ref.Load(ctx, id); err == nil {
						old = was.Version
					}
					return true
				}}
				return g.Do(ctx, func() error { return m.next.Update(ctx, id, old, r) })
			}
		}},
	}
}
