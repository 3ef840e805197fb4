package conformance

import (
	"context"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// walkMutants go wrong only after several calls.
func walkMutants() []mutant {
	return []mutant{
		{"what was given away and touched is listed when it is deleted", []string{"walk/some records"}, func(m *mutated) {
			var given, both set
			var ghosts memory[sessionstore.Record]
			onGiven(m, func(id string, _, to sessionstore.Record) {
				if to.Subject != "" {
					given.add(id)
				}
			})
			touch, rm := m.touch, m.remove
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				err := touch(ctx, id, v, e)
				if err == nil && given.has(id) {
					both.add(id)
				}
				return err
			}
			m.remove = func(ctx context.Context, id string) error {
				if r, err := m.ref.Load(ctx, id); err == nil && both.has(id) {
					ghosts.put(id, r)
				}
				given.remove(id)
				both.remove(id)
				return rm(ctx, id)
			}
			m.list = listWith(m, &ghosts, func(string, sessionstore.Record) bool { return true })
		}},
		{"DeleteSubject spares what was given and then touched", []string{"walk/some records"}, func(m *mutated) {
			var given, both set
			onGiven(m, func(id string, _, _ sessionstore.Record) { given.add(id) })
			touch := m.touch
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				err := touch(ctx, id, v, e)
				if err == nil && given.has(id) {
					both.add(id)
				}
				return err
			}
			m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool { return !both.has(e.ID) })
		}},
		{"a version of the life before the last is taken", []string{"walk/some records"}, func(m *mutated) {
			var former memory[[]sessionstore.Version]
			rm, update := m.remove, m.update
			m.remove = func(ctx context.Context, id string) error {
				if r, err := m.ref.Load(ctx, id); err == nil {
					l, _ := former.get(id)
					former.put(id, append(slices.Clone(l), r.Version))
				}
				return rm(ctx, id)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				s, err := m.ref.Load(ctx, id)
				l, _ := former.get(id)
				if err == nil && len(l) > 1 && slices.Contains(l[:len(l)-1], old) {
					old = s.Version
				}
				return update(ctx, id, old, r)
			}
		}},
		{"the expiry of a former Touch ends updates", []string{"walk/some records"}, func(m *mutated) {
			var touched memory[time.Time]
			touch := m.touch
			m.touch = func(ctx context.Context, id string, v sessionstore.Version, e time.Time) error {
				err := touch(ctx, id, v, e)
				if err == nil {
					touched.put(id, e)
				}
				return err
			}
			update := m.update
			m.update = func(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
				if e, ok := touched.get(id); ok && !time.Now().Before(e) && writable(r) && ctx.Err() == nil {
					return sessionstore.ErrNotFound
				}
				return update(ctx, id, v, r)
			}
		}},
		{"the sixth Create under an id fails", []string{"walk/some records"}, func(m *mutated) {
			var n memory[int]
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				err := create(ctx, id, r)
				if err == nil {
					k, _ := n.get(id)
					n.put(id, k+1)
					if k == 5 {
						_ = m.next.Delete(ctx, id)
						return sessionstore.ErrExists
					}
				}
				return err
			}
		}},
		{"a list is stale after the fifth change of subject", []string{"walk/some records"}, func(m *mutated) {
			var n memory[int]
			var before memory[string]
			onGiven(m, func(id string, _, to sessionstore.Record) {
				k, _ := n.get(id)
				n.put(id, k+1)
				if k == 4 {
					before.put(id, to.Subject)
				}
			})
			m.list = func(ctx context.Context, sub string) (found, error) {
				l, err := m.next.ListSubject(ctx, sub)
				return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { s, ok := before.get(e.ID); return ok && s == sub }), err
			}
		}},
		{"a list remembers a subject that was deleted twice", []string{"walk/some records"}, func(m *mutated) {
			var n memory[int]
			m.purge = func(ctx context.Context, sub string) (int, error) {
				k, err := m.next.DeleteSubject(ctx, sub)
				if k > 0 {
					c, _ := n.get(sub)
					n.put(sub, c+1)
				}
				return k, err
			}
			m.list = func(ctx context.Context, sub string) (found, error) {
				if c, _ := n.get(sub); c > 1 {
					return nil, nil
				}
				return m.next.ListSubject(ctx, sub)
			}
		}},
		{"a version that three others have followed is taken", []string{"walk/some records"}, func(m *mutated) {
			var had memory[[]sessionstore.Version]
			update := m.update
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				l, _ := had.get(id)
				if len(l) > 2 && slices.Contains(l[:len(l)-2], old) {
					if s, err := m.ref.Load(ctx, id); err == nil {
						old = s.Version
					}
				}
				err := update(ctx, id, old, r)
				if err == nil {
					had.put(id, append(slices.Clone(l), r.Version))
				}
				return err
			}
		}},
		{"a Delete is made again a moment later", []string{"walk/some records"}, func(m *mutated) {
			rm := m.remove
			m.remove = func(ctx context.Context, id string) error {
				err := rm(ctx, id)
				if ctx.Err() == nil {
					go func() { pause(20 * time.Millisecond); _ = m.next.Delete(context.WithoutCancel(ctx), id) }()
				}
				return err
			}
		}},
		{"DeleteAll counts twice what came back", []string{"walk/all records"}, isolated(func(own *mutated) {
			var had set
			onGiven(own, func(id string, from, _ sessionstore.Record) { had.add(id + from.Subject) })
			own.wipe = func(ctx context.Context) (int, error) {
				more := 0
				for _, e := range collected(own.ref.Scan(ctx)) {
					if had.has(e.ID + e.Record.Subject) {
						more++
					}
				}
				n, err := own.next.DeleteAll(ctx)
				return n + more, err
			}
		})},
	}
}
