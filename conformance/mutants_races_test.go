package conformance

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// raceMutants lose to others what they should not.
func raceMutants() []mutant {
	const c = "concurrency/"
	const successor = c + "the successor of an expired record lives"
	return []mutant{
		lazily("Load", []string{successor}),
		lazily("Update", []string{successor}),
		lazily("Touch", []string{successor}),
		{"ListSubject removes what it has found expired", []string{successor}, func(m *mutated) {
			created := m.created()
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				ids := created.keys(func(r sessionstore.Record) bool { return r.Subject == subject && dead(r) })
				pause(200 * time.Microsecond)
				for _, id := range ids {
					if r, ok := created.get(id); ok && r.Subject != subject {
						_ = m.next.Delete(ctx, id)
					}
				}
				return m.next.ListSubject(ctx, subject)
			}
		}},
		{"DeleteSubject deletes what had expired", []string{successor}, func(m *mutated) {
			created := m.created()
			m.purge = func(ctx context.Context, subject string) (int, error) {
				ids := created.keys(func(r sessionstore.Record) bool { return r.Subject == subject && dead(r) })
				n, err := m.next.DeleteSubject(ctx, subject)
				pause(200 * time.Microsecond)
				for _, id := range ids {
					_ = m.next.Delete(ctx, id)
				}
				return n, err
			}
		}},
		{"a cache is filled by a Load that is slower than a write", []string{c + "read beside a write"}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, ok := cache.get(id)
				if !ok {
					var err error
					if r, err = m.next.Load(ctx, id); err != nil {
						return r, err
					}
					pause(50 * time.Microsecond)
					cache.put(id, r)
				}
				r.Data = slices.Clone(r.Data)
				return r, nil
			}
			m.around = func(ctx context.Context, name, id string, next func(context.Context) error) error {
				err := next(ctx)
				if name != "Load" {
					cache.remove(id)
				}
				return err
			}
		}},
		{"an Update that loses a race has been sent more than once", []string{c + "one update wins"}, func(m *mutated) {
			var under atomic.Int32
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				alone := under.Add(1) == 1
				defer under.Add(-1)
				pause(50 * time.Microsecond)
				err := m.next.Update(ctx, id, old, r)
				if !alone && errors.Is(err, sessionstore.ErrConflict) {
					return errors.Join(err, sessionstore.ErrRepeated)
				}
				return err
			}
		}},
		{"Create over an expired record deletes it first", []string{c + "one create wins over an expired record"}, func(m *mutated) {
			created := m.created()
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if former, ok := created.get(id); ok && dead(former) {
					pause(200 * time.Microsecond)
					_ = m.next.Delete(ctx, id)
				}
				return create(ctx, id, r)
			}
		}},
		{
			"Touch writes back what it has read",
			[]string{c + "deleted under touches", c + "subject deleted under touches"},
			func(m *mutated) {
				m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
					r, err := m.ref.Load(ctx, id)
					pause(3 * time.Millisecond)
					touched := m.next.Touch(ctx, id, version, expires)
					if err == nil && r.Version == version && errors.Is(touched, sessionstore.ErrNotFound) {
						r.Expires = expires
						return m.next.Create(ctx, id, r)
					}
					return touched
				}
			},
		},
		{"Scan holds its caller's writes up", []string{"scan/writes within"}, isolated(func(own *mutated) {
			var scanning atomic.Bool
			own.scan = func(ctx context.Context) entries {
				return func(yield yield) {
					scanning.Store(true)
					defer scanning.Store(false)
					each(collected(own.next.Scan(ctx)), yield)
				}
			}
			own.remove = func(ctx context.Context, id string) error {
				if scanning.Load() {
					pause(2 * defaultDeadline)
				}
				return own.next.Delete(ctx, id)
			}
		})},
		{"Scan leaves out what was somebody's", []string{"scan/nobody's as they are"}, isolated(func(own *mutated) {
			created := own.created()
			own.scan = scanning(own, keeping(func(_ int, e sessionstore.Entry) bool {
				first, ok := created.get(e.ID)
				return !ok || first.Subject == "" || e.Record.Subject != ""
			}))
		})},
		{"Scan yields its own slices", []string{"ownership/scanned data is the caller's"}, isolated(func(own *mutated) {
			var cache memory[sessionstore.Record]
			own.scan = scanning(own, changing(func(e *sessionstore.Entry) { e.Record.Data = cached(&cache, e.ID, e.Record) }))
		})},
		{"Load's data has another record behind it", []string{"ownership/loaded data is the caller's"}, func(m *mutated) {
			var read memory[[]byte]
			var all []byte
			var mu sync.Mutex
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				mu.Lock()
				defer mu.Unlock()
				key := id + name(r.Version)
				if kept, ok := read.get(key); ok && err == nil {
					r.Data = slices.Clone(kept)
					return r, nil
				}
				if all == nil {
					all = make([]byte, 0, 32<<20)
				}
				if err == nil && len(r.Data) == 64 && len(all)+64 <= cap(all) {
					all = append(all, r.Data...)
					r.Data = all[len(all)-64:]
					read.put(key, r.Data)
				}
				return r, err
			}
		}},
	}
}

// lazily returns a mutant in which a method removes the record that it has found expired,
// whatever is there by then.
func lazily(name string, breaks []string) mutant {
	return mutant{name + " removes what it has found expired", breaks, func(m *mutated) {
		created := m.created()
		m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
			r, ok := created.get(id)
			err := next(ctx)
			if method == name && ok && dead(r) {
				pause(200 * time.Microsecond)
				_ = m.next.Delete(ctx, id)
			}
			return err
		}
	}}
}

// peerViewMutants have caches in a second process.
func peerViewMutants() []mutant {
	const lists, scans, deletes = "peer/lists what is there now", "peer/scans what is there now", "peer/deletes what is there now"
	const writes, created = "peer/writes by what is there", "peer/lists what was created"
	return []mutant{
		onPeer("a process keeps the expiry that it has read", []string{"peer/sees a touch"}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if c, ok := cache.get(id); ok && err == nil && c.Version == r.Version {
					r.Expires = c.Expires
				}
				if err == nil {
					cache.put(id, r)
				}
				return r, err
			}
		}),
		onPeer("a process keeps what DeleteSubject has ended", []string{"peer/sees a subject's end"}, func(m *mutated) {
			var purged memory[sessionstore.Record]
			m.purge = func(ctx context.Context, subject string) (int, error) {
				list, _ := m.ref.ListSubject(ctx, subject)
				for _, e := range list {
					purged.put(e.ID, e.Record)
				}
				return m.next.DeleteSubject(ctx, subject)
			}
			m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if r, ok := purged.get(id); ok {
					return r, nil
				}
				return m.next.Load(ctx, id)
			}
		}),
		onPeer("a process prunes nothing that another has written", []string{"prune/removes and counts"}, func(m *mutated) {
			m.peer.prune = func(ctx context.Context) (int, error) { return 0, ctx.Err() }
		}),
		onPeer("a process remembers that a record is gone", []string{writes}, func(m *mutated) {
			var gone set
			m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				if gone.has(id) && ctx.Err() == nil {
					return sessionstore.ErrNotFound
				}
				err := m.next.Update(ctx, id, old, r)
				if errors.Is(err, sessionstore.ErrNotFound) {
					gone.add(id)
				}
				return err
			}
		}),
		onPeer("a process remembers what it has created", []string{writes}, func(m *mutated) {
			var own set
			m.peer.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if own.has(id) {
					return sessionstore.ErrExists
				}
				err := m.next.Create(ctx, id, r)
				if err == nil {
					own.add(id)
				}
				return err
			}
		}),
		onPeer("a process remembers what it has deleted", []string{writes}, func(m *mutated) {
			var deleted set
			m.peer.remove = func(ctx context.Context, id string) error {
				if deleted.has(id) {
					return nil
				}
				deleted.add(id)
				return m.next.Delete(ctx, id)
			}
		}),
		onPeer("a process keeps the lists that it has made", []string{lists}, func(m *mutated) {
			var cache memory[[]sessionstore.Entry]
			m.peer.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				if c, ok := cache.get(subject); ok {
					return slices.Clone(c), nil
				}
				list, err := m.next.ListSubject(ctx, subject)
				if err == nil {
					cache.put(subject, slices.Clone(list))
				}
				return list, err
			}
		}),
		onPeer("a process keeps the records that it has listed", []string{lists}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.peer.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for i, e := range list {
					if c, ok := cache.get(e.ID); ok {
						list[i].Record = c
					} else {
						cache.put(e.ID, e.Record)
					}
				}
				return list, err
			}
		}),
		onPeer("a process keeps what it has scanned", []string{scans}, func(m *mutated) {
			var cache memory[sessionstore.Record]
			m.peer.scan = func(ctx context.Context) entries {
				return changing(func(e *sessionstore.Entry) {
					if c, ok := cache.get(e.ID); ok {
						e.Record = c
					} else {
						cache.put(e.ID, e.Record)
					}
				})(m, m.next.Scan(ctx))
			}
		}),
		onPeer("a process deletes a subject by the list that it has made", []string{deletes}, func(m *mutated) {
			var cache memory[[]sessionstore.Entry]
			m.peer.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				cache.put(subject, list)
				return list, err
			}
			m.peer.purge = func(ctx context.Context, subject string) (int, error) {
				list, ok := cache.get(subject)
				if !ok || len(list) == 0 {
					return m.next.DeleteSubject(ctx, subject)
				}
				var err error
				for _, e := range list {
					err = errors.Join(err, m.next.Delete(ctx, e.ID))
				}
				return len(list), err
			}
		}),
	}
}
