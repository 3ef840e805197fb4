package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func allMutants() []mutant {
	const all = "all/"
	return []mutant{
		wipeIf("DeleteAll spares what is nobody's", func(_ int, _, r sessionstore.Record) bool { return r.Subject != "" },
			all+"deletes and counts"),
		wipeIf("DeleteAll stops after a hundred", func(i int, _, _ sessionstore.Record) bool { return i < 100 },
			"pages/deletes all"),
		wipeIf("DeleteAll spares what was updated",
			func(_ int, created, r sessionstore.Record) bool { return created.Version == r.Version },
			all+"deletes what was written last", all+"is not listed", all+"deletes under updates"),
		wipeIf("DeleteAll spares what was touched", func(_ int, created, r sessionstore.Record) bool {
			return created.Version != r.Version || created.Expires.Equal(r.Expires)
		}, all+"deletes what was written last"),
		{"DeleteAll spares what took the place of an expired record", []string{all + "deletes what was written last"}, func(m *mutated) {
			created := m.created()
			var spared set
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if was, ok := created.get(id); ok && dead(was) {
					spared.add(id)
				}
				return create(ctx, id, r)
			}
			m.wipe = func(ctx context.Context) (int, error) {
				return m.wipeEach(ctx, created.all(), func(id string, _ sessionstore.Record) bool { return !spared.has(id) })
			}
		}},
		{"DeleteAll counts what has expired", []string{all + "does not count what has expired"}, func(m *mutated) {
			created := m.created()
			m.wipe = func(ctx context.Context) (int, error) {
				n, err := m.next.DeleteAll(ctx)
				return n + len(created.keys(dead)), err
			}
		}},
		{"DeleteAll fails if there was never anything", []string{all + "deletes nothing"}, func(m *mutated) {
			created := m.created()
			m.wipe = func(ctx context.Context) (int, error) {
				n, err := m.next.DeleteAll(ctx)
				if err == nil && len(created.all()) == 0 {
					err = sessionstore.ErrNotFound
				}
				return n, err
			}
		}},
		{"DeleteAll deletes the same ids elsewhere", []string{all + "leaves other namespaces"}, func(m *mutated) {
			var spaces neighbours
			spaces.add(m)
			m.Isolated = func(testing.TB) sessionstore.Store {
				own := &mutated{ref: newReference()}
				own.broken = newBroken(own.ref)
				created := own.created()
				own.wipe = func(ctx context.Context) (int, error) {
					n, err := own.next.DeleteAll(ctx)
					return n, errors.Join(err, spaces.remove(ctx, own, created.all()))
				}
				spaces.add(own)
				return own.broken
			}
		}},
		{
			"ListSubject lists what DeleteAll has deleted",
			[]string{all + "is not listed", all + "leaves later records", all + "leaves the list complete"},
			func(m *mutated) {
				created := m.created()
				var deleted memory[sessionstore.Record]
				m.wipe = func(ctx context.Context) (int, error) {
					for _, id := range created.all() {
						if r, err := m.ref.Load(ctx, id); err == nil {
							deleted.put(id, r)
						}
					}
					return m.next.DeleteAll(ctx)
				}
				m.list = listWith(m, &deleted, func(string, sessionstore.Record) bool { return true })
			},
		},
		{"DeleteAll is for ever", []string{all + "leaves later records"}, func(m *mutated) {
			created := m.created()
			var ended set
			m.wipe = func(ctx context.Context) (int, error) {
				for _, id := range created.all() {
					ended.add(id)
				}
				return m.next.DeleteAll(ctx)
			}
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if ended.has(id) {
					return nil
				}
				return create(ctx, id, r)
			}
		}},
	}
}

// allRaceMutants break DeleteAll beside other calls.
func allRaceMutants() []mutant {
	const all, many = "all/", "all/many at the same time"
	return []mutant{
		{"DeleteAll spares what is updated meanwhile", []string{all + "deletes under updates"}, func(m *mutated) {
			created := m.created()
			m.wipe = func(ctx context.Context) (int, error) {
				var seen memory[sessionstore.Version]
				for _, id := range created.all() {
					r, _ := m.ref.Load(ctx, id)
					seen.put(id, r.Version)
				}
				pause(time.Millisecond)
				return m.wipeEach(ctx, seen.all(), func(id string, r sessionstore.Record) bool {
					v, _ := seen.get(id)
					return v == r.Version
				})
			}
		}},
		{"DeleteAll loses index entries of what is created meanwhile", []string{all + "leaves the list complete"}, func(m *mutated) {
			var running atomic.Int32
			var lost set
			m.wipe = func(ctx context.Context) (int, error) {
				running.Add(1)
				defer running.Add(-1)
				n, err := m.next.DeleteAll(ctx)
				pause(time.Millisecond)
				return n, err
			}
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if running.Load() > 0 {
					lost.add(id)
				}
				return m.next.Create(ctx, id, r)
			}
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID) }), err
			}
		}},
		{"DeleteAll fails beside another", []string{many}, func(m *mutated) {
			var running atomic.Int32
			m.wipe = func(ctx context.Context) (int, error) {
				defer running.Add(-1)
				if running.Add(1) > 1 {
					return 0, errors.New("memstore: locked")
				}
				n, err := m.next.DeleteAll(ctx)
				pause(time.Millisecond)
				return n, err
			}
		}},
		{"DeleteAll counts what another deletes", []string{many}, func(m *mutated) {
			created := m.created()
			m.wipe = func(ctx context.Context) (int, error) {
				ids := created.keys(func(r sessionstore.Record) bool { return !dead(r) })
				pause(time.Millisecond)
				_, err := m.next.DeleteAll(ctx)
				for _, id := range ids {
					created.remove(id)
				}
				return len(ids), err
			}
		}},
	}
}

// wipeIf returns a mutant whose DeleteAll deletes only some records, going by how each
// was created and what it is now, and counts all.
func wipeIf(name string, some func(i int, created, r sessionstore.Record) bool, breaks ...string) mutant {
	return mutant{name, breaks, func(m *mutated) {
		created := m.created()
		var turn sync.Mutex
		m.wipe = func(ctx context.Context) (int, error) {
			turn.Lock()
			defer turn.Unlock()
			i := -1
			return m.wipeEach(ctx, created.all(), func(id string, r sessionstore.Record) bool {
				i++
				first, _ := created.get(id)
				return some(i, first, r)
			})
		}
	}}
}

// wipeEach deletes those live records for which some holds, and counts all.
func (m *mutated) wipeEach(ctx context.Context, ids []string, some func(id string, r sessionstore.Record) bool) (int, error) {
	n, err := 0, ctx.Err()
	for _, id := range ids {
		r, absent := m.ref.Load(ctx, id)
		if absent != nil {
			continue
		}
		n++
		if some(id, r) {
			err = errors.Join(err, m.next.Delete(ctx, id))
		}
	}
	return n, err
}

// neighbours are namespaces that know of each other.
type neighbours struct {
	mu  sync.Mutex
	all []*mutated
}

func (n *neighbours) add(m *mutated) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.all = append(n.all, m)
}

// remove deletes these ids in all namespaces but one.
func (n *neighbours) remove(ctx context.Context, but *mutated, ids []string) (err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, m := range n.all {
		for _, id := range ids {
			if m != but {
				err = errors.Join(err, m.next.Delete(ctx, id))
			}
		}
	}
	return err
}
