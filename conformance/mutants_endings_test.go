package conformance

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"
	"unsafe"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// endingMutants leave something of a record that has ended, or of a call, or reach further than
// their namespace.
func endingMutants() []mutant {
	const anew, life, stays = "create/after delete", "prune/leaves what has another life", "ownership/loaded data stays"
	const zone, words = "clock/in a zone, for each method", "text/lists of words that are anything else"
	all := []mutant{
		dataOutlives("DeleteSubject", anew), dataOutlives("DeleteAll", anew), dataOutlives("Prune", "prune/forgets what it has removed"),
		{"Prune goes by the expiry of what Delete has deleted", []string{life}, func(m *mutated) {
			created, remove := m.created(), m.remove
			ends := prunesBy(m)
			m.remove = func(ctx context.Context, id string) error {
				if r, ok := created.get(id); ok {
					ends.put(id, r.Expires)
				}
				return remove(ctx, id)
			}
		}},
		{"Prune goes by the expiry of what DeleteSubject has deleted", []string{life}, func(m *mutated) {
			ends := prunesBy(m)
			m.purge = func(ctx context.Context, subject string) (int, error) {
				list, _ := m.ref.ListSubject(ctx, subject)
				for _, e := range list {
					ends.put(e.ID, e.Record.Expires)
				}
				return m.next.DeleteSubject(ctx, subject)
			}
		}},
		{"an Update that is cut short has left the list", []string{"cut/writes made again"}, func(m *mutated) {
			lost := lostToLists(m)
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				return lost.during(ctx, []string{id}, func() error { return m.next.Update(ctx, id, old, r) })
			}
		}},
		{"a Delete that is cut short has left the list", []string{"cut/deletes made again"}, func(m *mutated) {
			lost := lostToLists(m)
			m.remove = func(ctx context.Context, id string) error {
				return lost.during(ctx, []string{id}, func() error { return m.next.Delete(ctx, id) })
			}
		}},
		{"a DeleteSubject that is cut short has emptied the list", []string{"cut/subject made again"}, func(m *mutated) {
			lost := lostToLists(m)
			m.purge = func(ctx context.Context, subject string) (n int, err error) {
				list, _ := m.ref.ListSubject(ctx, subject)
				var ids []string
				for _, e := range list {
					ids = append(ids, e.ID)
				}
				err = lost.during(ctx, ids, func() (err error) {
					n, err = m.next.DeleteSubject(ctx, subject)
					return err
				})
				return n, err
			}
		}},
		{"ListSubject has ids in memory that it uses again", []string{stays}, func(m *mutated) {
			buffer := make([]byte, sessionstore.IDLen)
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for i := range list {
					copy(buffer, list[i].ID)
					list[i].ID = unsafe.String(&buffer[0], len(buffer)) // that is the mistake
				}
				return list, err
			}
		}},
		{"Load has the subject in memory that it uses again", []string{stays}, func(m *mutated) {
			buffer := make([]byte, sessionstore.MaxSubjectLen)
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if n := copy(buffer, r.Subject); n > 0 {
					r.Subject = unsafe.String(&buffer[0], n) // the same
				}
				return r, err
			}
		}},
		{"Load of nobody's record panics", []string{"load/empty subject"}, func(m *mutated) {
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if err == nil {
					_ = r.Subject[0]
				}
				return r, err
			}
		}},
		{"Scan panics where it finds nothing", []string{"scan/finds nothing"}, isolated(func(own *mutated) {
			own.scan = func(ctx context.Context) entries {
				return func(y yield) {
					all := collected(own.next.Scan(ctx))
					_ = all[0]
					each(all, y)
				}
			}
		})},
		lastsUntil("Watch ends with DeleteAll", "watch/reports everybody's", func(m *mutated, ended func()) {
			m.wipe = func(ctx context.Context) (int, error) {
				defer ended()
				return m.next.DeleteAll(ctx)
			}
		}),
		lastsUntil("Watch ends with DeleteSubject", "watch/reports a subject's", func(m *mutated, ended func()) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				defer ended()
				return m.next.DeleteSubject(ctx, subject)
			}
		}),
		onPeer("a process does not find again what it has deleted", []string{"peer/writes by what is there"}, func(m *mutated) {
			deleted := m.deleted()
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if _, gone := deleted.get(id); gone {
					return sessionstore.Record{}, sessionstore.ErrNotFound
				}
				return m.next.Load(ctx, id)
			}
		}),
		onPeer("a process finds what it has written itself", []string{"retries/update after an update"}, func(m *mutated) {
			var own memory[sessionstore.Record]
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				err := m.next.Update(ctx, id, old, r)
				if err == nil {
					own.put(id, r)
				}
				return err
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if mine, ok := own.get(id); ok && err == nil {
					return mine, nil
				}
				return r, err
			}
		}),
		{"a part of 255 KiB that is full loses a byte", []string{"load/data of every size"}, func(m *mutated) {
			const part = 255 << 10
			m.MaxData = 1 << 20
			m.ref.Store = memstore.New(memstore.Options{MaxData: m.MaxData})
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				r, err := m.next.Load(ctx, id)
				if n := len(r.Data); n > 0 && n%part == 0 {
					r.Data = r.Data[:n-1]
				}
				return r, err
			}
		}},
		{"DeleteSubject takes a subject for a pattern", []string{words}, isolated(func(own *mutated) {
			own.purge = func(ctx context.Context, subject string) (int, error) {
				if subject == "*" {
					return own.next.DeleteAll(ctx)
				}
				return own.next.DeleteSubject(ctx, subject)
			}
		})},
		{"the list of a subject that is a folder has others", []string{words}, isolated(func(own *mutated) {
			own.list = func(ctx context.Context, subject string) (found, error) {
				if subject == ".." {
					return collected(own.next.Scan(ctx)), ctx.Err()
				}
				return own.next.ListSubject(ctx, subject)
			}
		})},
		outer("ListSubject", "subjects/not other namespaces", func(m *mutated, inner *neighbours) {
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				inner.others(m, func(other *mutated) {
					more, _ := other.next.ListSubject(ctx, subject)
					list = append(list, more...)
				})
				return list, err
			}
		}),
		outer("DeleteSubject", "subjects/leaves other namespaces", func(m *mutated, inner *neighbours) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				inner.others(m, func(other *mutated) { _, _ = other.next.DeleteSubject(ctx, subject) })
				return m.next.DeleteSubject(ctx, subject)
			}
		}),
		outer("Scan", "scan/not other namespaces", func(m *mutated, inner *neighbours) {
			m.scan = func(ctx context.Context) entries {
				all := collected(m.next.Scan(ctx))
				inner.others(m, func(other *mutated) { all = append(all, collected(other.next.Scan(ctx))...) })
				return func(y yield) { each(all, y) }
			}
		}),
		outer("Prune", "prune/leaves other namespaces", func(m *mutated, inner *neighbours) {
			m.prune = func(ctx context.Context) (int, error) {
				inner.others(m, func(other *mutated) { _, _ = other.next.Prune(ctx) })
				return m.next.Prune(ctx)
			}
		}),
		outer("Watch", "watch/not other namespaces", func(m *mutated, inner *neighbours) {
			inner.add(m)
			m.watch = inner.watch
		}),
	}
	return append(all, onView("shows an expiry in the zone in which it was written", func(own *mutated) func(found) found {
		expiries := own.expiries()
		return func(list found) found {
			for i, e := range list {
				if at, ok := expiries.get(e.ID); ok {
					list[i].Record.Expires = at
				}
			}
			return list
		}
	}, nil, zone)[0])
}

// lastsUntil returns a mutant whose Watch reports nothing that is created after some call.
func lastsUntil(name, breaks string, plant func(m *mutated, ended func())) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		var over atomic.Bool
		var later set
		create := m.create
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			if over.Load() {
				later.add(id)
			}
			return create(ctx, id, r)
		}
		m.watch = watching(m, func(id string) bool { return !later.has(id) })
		plant(m, func() { over.Store(true) })
	}}
}

// outer returns a mutant in whose namespace, that of Open, a method reaches those of Isolated.
func outer(method, breaks string, plant func(m *mutated, inner *neighbours)) mutant {
	return mutant{method + " reaches namespaces whose names begin alike", []string{breaks}, func(m *mutated) {
		inner := new(neighbours)
		m.Isolated = func(testing.TB) sessionstore.Store {
			own := &mutated{ref: newReference()}
			own.broken = newBroken(own.ref)
			inner.add(own)
			return own.broken
		}
		plant(m, inner)
	}}
}

// dataOutlives keeps large data beside the records. One way in which records end leaves it.
func dataOutlives(method, breaks string) mutant {
	return mutant{"large data outlives a " + method, []string{breaks}, func(m *mutated) {
		var large memory[sessionstore.Record]
		forget := func(by string, over func(r sessionstore.Record) bool) {
			for _, id := range large.keys(over) {
				if by != method {
					large.remove(id)
				}
			}
		}
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			if was, ok := large.get(id); ok && dead(was) && method != "Prune" {
				large.remove(id)
			}
			err := m.next.Create(ctx, id, r)
			if r.Data = bytes.Clone(r.Data); err == nil && len(r.Data) > 8<<10 {
				large.put(id, r)
			}
			return err
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := m.next.Update(ctx, id, old, r)
			if err == nil {
				large.remove(id)
			}
			return err
		}
		m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
			r, err := m.next.Load(ctx, id)
			if was, ok := large.get(id); ok && err == nil && len(r.Data) < len(was.Data) {
				r.Data = append(bytes.Clone(r.Data), was.Data[len(r.Data):]...)
			}
			return r, err
		}
		m.remove = func(ctx context.Context, id string) error {
			large.remove(id)
			return m.next.Delete(ctx, id)
		}
		m.purge = func(ctx context.Context, subject string) (int, error) {
			forget("DeleteSubject", func(r sessionstore.Record) bool { return r.Subject == subject })
			return m.next.DeleteSubject(ctx, subject)
		}
		m.wipe = func(ctx context.Context) (int, error) {
			forget("DeleteAll", func(sessionstore.Record) bool { return true })
			return m.next.DeleteAll(ctx)
		}
		m.prune = func(ctx context.Context) (int, error) {
			forget("Prune", dead)
			return m.next.Prune(ctx)
		}
	}}
}

// prunesBy has Prune remove what is under the ids in what it returns when their time has come.
func prunesBy(m *mutated) *memory[time.Time] {
	var ends memory[time.Time]
	m.prune = func(ctx context.Context) (int, error) {
		for _, id := range ends.all() {
			if over(&ends, id) {
				_ = m.next.Delete(ctx, id) // there is no other error than the context's
				ends.remove(id)
			}
		}
		return m.next.Prune(ctx)
	}
	return &ends
}

// lostIDs are in no list.
type lostIDs struct{ set }

func lostToLists(m *mutated) *lostIDs {
	lost := new(lostIDs)
	m.list = func(ctx context.Context, subject string) (found, error) {
		list, err := m.next.ListSubject(ctx, subject)
		return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID) }), err
	}
	return lost
}

// during takes ids from all lists before a write, and puts them back behind it.
func (l *lostIDs) during(ctx context.Context, ids []string, write func() error) error {
	for _, id := range ids {
		l.add(id)
	}
	if pause(60 * time.Microsecond); ctx.Err() != nil {
		return ctx.Err()
	}
	err := write()
	for _, id := range ids {
		l.remove(id)
	}
	return err
}
