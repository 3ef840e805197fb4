package conformance

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// tidiedMutants tidy, count or reach what is no longer, or not yet, theirs.
func tidiedMutants() []mutant {
	return []mutant{
		{"an index goes when it is empty", []string{"concurrency/listed where a list was empty"}, func(m *mutated) {
			emptied(m)
		}},
		{"DeleteSubject clears the index in the end", []string{"subjects/leaves the list complete"}, func(m *mutated) {
			var lost set
			m.purge = func(ctx context.Context, sub string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, sub)
				pause(300 * time.Microsecond)
				l, _ := m.ref.ListSubject(ctx, sub)
				for _, e := range l {
					lost.add(e.ID + sub)
				}
				return n, err
			}
			m.list = func(ctx context.Context, sub string) (found, error) {
				l, err := m.next.ListSubject(ctx, sub)
				return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return lost.has(e.ID + sub) }), err
			}
		}},
		{"Prune tidies entries whose record is on its way", []string{"prune/leaves what is being written"}, func(m *mutated) {
			create, update := m.create, m.update
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				pause(200 * time.Microsecond)
				return create(ctx, id, r)
			}
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				pause(200 * time.Microsecond)
				return update(ctx, id, old, r)
			}
			x := indexed(m, func(*index, string, string, string, error) {})
			m.prune = func(ctx context.Context) (int, error) {
				for _, key := range x.all() {
					subject, id := key[:len(key)-sessionstore.IDLen], key[len(key)-sessionstore.IDLen:]
					if r, err := m.ref.Load(ctx, id); err != nil || r.Subject != subject {
						x.remove(key)
					}
				}
				return m.next.Prune(ctx)
			}
		}},
		{"ListSubject tidies entries of what had expired", []string{"concurrency/listed where another was"}, tidying("list dead")},
		{"Prune tidies entries of what had expired", []string{"concurrency/listed where another was"}, tidying("prune dead")},
		{"ListSubject tidies entries of what was given away", []string{"concurrency/listed where another was"}, tidying("list given")},
		{"ListSubject tidies entries of what was deleted", []string{"concurrency/listed where another was"}, tidying("list deleted")},
		{"ListSubject reaches other namespaces", []string{"subjects/not other namespaces"}, neighbouring("list")},
		{"DeleteSubject reaches other namespaces", []string{"subjects/leaves other namespaces"}, neighbouring("purge")},
		{
			"DeleteSubject deletes what was given to nobody",
			[]string{"subjects/leaves what took the place of the subject's"},
			func(m *mutated) {
				var away memory[string]
				onGiven(m, func(id string, from, to sessionstore.Record) {
					if to.Subject == "" {
						away.put(id, from.Subject)
					} else {
						away.remove(id)
					}
				})
				m.purge = func(ctx context.Context, sub string) (int, error) {
					n, err := m.next.DeleteSubject(ctx, sub)
					for _, id := range away.keys(func(s string) bool { return s == sub }) {
						if r, e := m.ref.Load(ctx, id); e == nil && r.Subject == "" {
							_ = m.next.Delete(ctx, id)
						}
					}
					return n, err
				}
			},
		},
		{
			"DeleteSubject deletes what took the place of the subject's",
			[]string{"subjects/leaves what took the place of the subject's"},
			func(m *mutated) {
				var all memory[string]
				create := m.create
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					err := create(ctx, id, r)
					if _, ok := all.get(id); !ok && err == nil {
						all.put(id, r.Subject)
					}
					return err
				}
				var upd set
				update := m.update
				m.update = func(ctx context.Context, id string, v sessionstore.Version, r sessionstore.Record) error {
					upd.add(id)
					return update(ctx, id, v, r)
				}
				m.purge = func(ctx context.Context, sub string) (int, error) {
					n, err := m.next.DeleteSubject(ctx, sub)
					for _, id := range all.keys(func(s string) bool { return s == sub }) {
						if !upd.has(id) {
							_ = m.next.Delete(ctx, id)
						}
					}
					return n, err
				}
			},
		},
		{"DeleteSubject counts twice what came back", []string{"subjects/counts what came back once"}, func(m *mutated) {
			var had set
			onGiven(m, func(id string, from, _ sessionstore.Record) { had.add(id + from.Subject) })
			m.purge = func(ctx context.Context, sub string) (int, error) {
				l, _ := m.ref.ListSubject(ctx, sub)
				n, err := m.next.DeleteSubject(ctx, sub)
				for _, e := range l {
					if had.has(e.ID + sub) {
						n++
					}
				}
				return n, err
			}
		}},
		{"DeleteSubject counts what another deletes", []string{"subjects/counts at the same time"}, func(m *mutated) {
			m.purge = func(ctx context.Context, sub string) (int, error) {
				l, err := m.ref.ListSubject(ctx, sub)
				pause(time.Millisecond)
				if err == nil {
					_, err = m.next.DeleteSubject(ctx, sub)
				}
				return len(l), err
			}
		}},
		{"Prune counts the entries of a record", []string{"prune/counts each once"}, isolated(func(own *mutated) {
			var had memory[int]
			onGiven(own, func(id string, _, _ sessionstore.Record) { n, _ := had.get(id); had.put(id, n+1) })
			own.prune = func(ctx context.Context) (int, error) {
				n, err := own.next.Prune(ctx)
				for _, id := range had.all() {
					if _, e := own.ref.Load(ctx, id); e != nil && n > 0 {
						k, _ := had.get(id)
						had.remove(id)
						n += k
					}
				}
				return n, err
			}
		})},
		{"a subject that is an id hides the record", []string{"text/subjects that are ids"}, func(m *mutated) {
			var subs set
			create := m.create
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				subs.add(r.Subject)
				return create(ctx, id, r)
			}
			m.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
				if subs.has(id) {
					return sessionstore.Record{}, sessionstore.ErrCorrupt
				}
				return m.next.Load(ctx, id)
			}
		}},
	}
}

// emptied drops a subject's index when its last record is deleted, a moment later.
func emptied(m *mutated) {
	var lost set
	rm := m.remove
	m.remove = func(ctx context.Context, id string) error {
		r, err := m.ref.Load(ctx, id)
		if e := rm(ctx, id); e != nil || err != nil {
			return e
		}
		if l, _ := m.ref.ListSubject(ctx, r.Subject); len(l) == 0 && r.Subject != "" {
			pause(100 * time.Microsecond)
			l, _ = m.ref.ListSubject(ctx, r.Subject)
			for _, e := range l {
				lost.add(e.ID + r.Subject)
			}
		}
		return nil
	}
	m.list = func(ctx context.Context, sub string) (found, error) {
		l, err := m.next.ListSubject(ctx, sub)
		return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return lost.has(e.ID + sub) }), err
	}
}

// tidying has an index that a reader tidies: it looks, and removes a moment later.
func tidying(how string) func(m *mutated) {
	return func(m *mutated) {
		var x set // subject + id
		create, update := m.create, m.update
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			err := create(ctx, id, r)
			if err == nil {
				x.add(r.Subject + "\x00" + id)
			}
			return err
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := update(ctx, id, old, r)
			if err == nil {
				x.add(r.Subject + "\x00" + id)
			}
			return err
		}
		var given set
		onGiven(m, func(id string, from, _ sessionstore.Record) { given.add(from.Subject + "\x00" + id) })
		var deleted set
		rm := m.remove
		m.remove = func(ctx context.Context, id string) error { deleted.add(id); return rm(ctx, id) }
		c := m.created()
		tidy := func(sub string) {
			var stale []string
			for _, k := range x.all() {
				s, id, _ := strings.Cut(k, "\x00")
				if sub != "" && s != sub {
					continue
				}
				r, err := m.ref.Load(context.Background(), id)
				if err == nil && r.Subject == s {
					continue
				}
				first, ok := c.get(id)
				switch {
				case strings.HasSuffix(how, "dead") && ok && dead(first), strings.HasSuffix(how, "given") && given.has(k),
					strings.HasSuffix(how, "deleted") && deleted.has(id):
					stale = append(stale, k)
				}
			}
			pause(200 * time.Microsecond)
			for _, k := range stale {
				x.remove(k)
			}
		}
		if strings.HasPrefix(how, "prune") {
			m.prune = func(ctx context.Context) (int, error) { tidy(""); return m.next.Prune(ctx) }
		}
		m.list = func(ctx context.Context, sub string) (found, error) {
			if strings.HasPrefix(how, "list") {
				defer tidy(sub)
			}
			l, err := m.next.ListSubject(ctx, sub)
			return slices.DeleteFunc(l, func(e sessionstore.Entry) bool { return !x.has(sub + "\x00" + e.ID) }), err
		}
	}
}

func neighbouring(how string) func(m *mutated) {
	return func(m *mutated) {
		var all neighbours
		plant := func(x *mutated) {
			all.add(x)
			others := func() []*mutated { all.mu.Lock(); defer all.mu.Unlock(); return slices.Clone(all.all) }
			if how == "list" {
				x.list = func(ctx context.Context, sub string) (found, error) {
					l, err := x.next.ListSubject(ctx, sub)
					if err != nil {
						return l, err
					}
					for _, o := range others() {
						if o != x {
							more, _ := o.next.ListSubject(ctx, sub)
							l = append(l, more...)
						}
					}
					return l, nil
				}
				return
			}
			x.purge = func(ctx context.Context, sub string) (int, error) {
				n, err := x.next.DeleteSubject(ctx, sub)
				if err != nil {
					return n, err
				}
				for _, o := range others() {
					if o != x {
						_, _ = o.next.DeleteSubject(ctx, sub)
					}
				}
				return n, nil
			}
		}
		plant(m)
		m.Isolated = func(testing.TB) sessionstore.Store {
			ref := newReference()
			own := &mutated{broken: newBroken(ref), Harness: ref.harness(), ref: ref}
			plant(own)
			return own.broken
		}
	}
}
