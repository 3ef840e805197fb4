package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// indexMutants keep an index of their own beside the records.
func indexMutants() []mutant {
	const toAndFro, winner = "subjects/lists what is given to and fro", "concurrency/the winner is listed"
	return []mutant{
		{"an entry goes after the record, whatever has come since", []string{toAndFro}, func(m *mutated) {
			indexed(m, func(x *index, id, from, to string, err error) {
				if pause(200 * time.Microsecond); err == nil && from != to {
					x.remove(from + id)
				}
			})
		}},
		{"a write that loses takes its entry back", []string{winner, toAndFro}, func(m *mutated) {
			indexed(m, func(x *index, id, _, to string, err error) {
				if pause(200 * time.Microsecond); err != nil {
					x.remove(to + id)
				}
			})
		}},
		listWithout("what was nobody's is in no list", "subjects/lists what it was given by update",
			func(_ string, created sessionstore.Record) bool { return created.Subject == "" }),
		{"DeleteSubject spares what was nobody's", []string{"subjects/deletes what it was given by update"}, func(m *mutated) {
			created := m.created()
			m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool {
				r, ok := created.get(e.ID)
				return !ok || r.Subject != ""
			})
		}},
		onList("ListSubject stops after a thousand", "pages/lists every one", first(1000)),
		onList("ListSubject stops after 1,024", "pages/lists every one", first(1024)),
		{"DeleteSubject stops after a thousand", []string{"pages/deletes a subject"}, func(m *mutated) {
			m.purge = purgeIf(m, func(i int, _ sessionstore.Entry) bool { return i < 1000 })
		}},
		wipeIf("DeleteAll stops after 1,024", func(i int, _, _ sessionstore.Record) bool { return i < 1024 }, "pages/deletes all"),
		{"DeleteSubject deletes by the list that it has made", []string{"subjects/leaves what is given away meanwhile"}, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, e := range list {
					pause(3 * time.Millisecond)
					err = errors.Join(err, m.next.Delete(ctx, e.ID))
				}
				return len(list), err
			}
		}},
		{"Prune looks at the first 400 records", []string{"pages/prunes behind live records"}, isolated(func(own *mutated) {
			created := own.created()
			own.prune = func(ctx context.Context) (int, error) {
				if len(created.all()) > 400 {
					return 0, nil
				}
				return own.next.Prune(ctx)
			}
		})},
		{
			"Prune goes by the first expiry of what was brought forward",
			[]string{"prune/removes what was brought forward"},
			isolated(func(own *mutated) {
				created := own.created()
				own.prune = func(ctx context.Context) (int, error) {
					n, err := own.next.Prune(ctx)
					return min(n, len(created.keys(dead))), err
				}
			}),
		},
		{"Prune tidies entries that are good again", []string{"prune/leaves lists complete"}, func(m *mutated) {
			var stale, tidied set
			onGiven(m, func(id string, from, to sessionstore.Record) {
				stale.add(id + from.Subject)
				if to.Subject != "" {
					tidied.remove(id + to.Subject)
				}
			})
			m.prune = func(ctx context.Context) (int, error) {
				for _, key := range stale.all() {
					tidied.add(key)
				}
				return m.next.Prune(ctx)
			}
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return tidied.has(e.ID + subject) }), err
			}
		}},
	}
}

func first(n int) func(string, []sessionstore.Entry) []sessionstore.Entry {
	return func(_ string, list []sessionstore.Entry) []sessionstore.Entry { return list[:min(len(list), n)] }
}

// An index has a key for each subject and id.
type index = set

// indexed has m list by an index to which a write adds an entry before, and after calls
// what tidies. It returns the index.
func indexed(m *mutated, after func(x *index, id, from, to string, err error)) *index {
	x := new(index)
	create, update := m.create, m.update
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		x.add(r.Subject + id)
		err := create(ctx, id, r)
		if err != nil {
			after(x, id, "", r.Subject, err)
		}
		return err
	}
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		from, _ := m.ref.Load(ctx, id)
		x.add(r.Subject + id)
		err := update(ctx, id, old, r)
		after(x, id, from.Subject, r.Subject, err)
		return err
	}
	m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
		list, err := m.next.ListSubject(ctx, subject)
		return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return !x.has(subject + e.ID) }), err
	}
	return x
}
