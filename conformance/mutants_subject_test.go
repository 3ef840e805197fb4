package conformance

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func subjectListMutants() []mutant {
	return []mutant{
		onList("ListSubject leaves out the version", "subjects/lists the live records",
			func(_ string, list []sessionstore.Entry) []sessionstore.Entry {
				for i := range list {
					list[i].Record.Version = 0
				}
				return list
			}),
		onList("ListSubject stops after a hundred", "pages/lists every one",
			func(_ string, list []sessionstore.Entry) []sessionstore.Entry { return list[:min(len(list), 100)] }),
		onList("the longest subjects are not indexed", "subjects/longest subject",
			func(subject string, list []sessionstore.Entry) []sessionstore.Entry {
				if len(subject) == sessionstore.MaxSubjectLen {
					return nil
				}
				return list
			}),
		{"ListSubject repeats what was updated and touched", []string{"subjects/lists each once"}, func(m *mutated) {
			var updated, both set
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				updated.add(id)
				return m.next.Update(ctx, id, old, r)
			}
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				if updated.has(id) {
					both.add(id)
				}
				return m.next.Touch(ctx, id, version, expires)
			}
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				for _, e := range list {
					if both.has(e.ID) {
						list = append(list, e)
					}
				}
				return list, err
			}
		}},
		listWithout("Update does not index the subject", "subjects/lists what it was given by update",
			func(subject string, created sessionstore.Record) bool { return created.Subject != subject }),
		listWithout("Touch does not prolong the index", "subjects/lists what was prolonged",
			func(_ string, created sessionstore.Record) bool { return dead(created) }),
		{"ListSubject lists what was deleted", []string{"subjects/not what was deleted"}, func(m *mutated) {
			deleted := m.deleted()
			m.list = listWith(m, deleted, func(string, sessionstore.Record) bool { return true })
		}},
		{"ListSubject lists what has expired", []string{"subjects/not what has expired"}, func(m *mutated) {
			created := m.created()
			m.around = func(ctx context.Context, method, id string, next func(context.Context) error) error {
				if method == "Touch" {
					created.remove(id)
				}
				return next(ctx)
			}
			m.list = listWith(m, created, func(_ string, r sessionstore.Record) bool { return dead(r) })
		}},
		{"Update leaves the record with its old subject", []string{"subjects/not what was given away"}, func(m *mutated) {
			var away memory[sessionstore.Record]
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				stored, _ := m.ref.Load(ctx, id)
				err := m.next.Update(ctx, id, old, r)
				if err == nil && stored.Subject != r.Subject {
					away.put(id, stored)
				}
				return err
			}
			m.list = listWith(m, &away, func(string, sessionstore.Record) bool { return true })
		}},
		{
			"Create leaves an expired record with its old subject",
			[]string{"subjects/not what was replaced after expiry"},
			func(m *mutated) {
				created := m.created()
				var former memory[sessionstore.Record]
				create := m.create
				m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
					if f, ok := created.get(id); ok && dead(f) {
						former.put(id, f)
					}
					return create(ctx, id, r)
				}
				m.list = listWith(m, &former, func(string, sessionstore.Record) bool { return true })
			},
		},
		{
			"an empty list is an error",
			[]string{
				"subjects/unknown subject", "subjects/longest subject", "subjects/not other subjects",
				"subjects/not what was given away", "subjects/not what was replaced after expiry",
				"all/is not listed",
			},
			func(m *mutated) {
				m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
					list, err := m.next.ListSubject(ctx, subject)
					if len(list) == 0 && err == nil {
						return nil, sessionstore.ErrNotFound
					}
					return list, err
				}
			},
		},
		{"nobody's list is empty", []string{"subjects/refused subject"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				if subject == "" {
					return nil, nil
				}
				return m.next.ListSubject(ctx, subject)
			}
		}},
		{"ListSubject refuses nobody only", []string{"subjects/refused subject"}, func(m *mutated) {
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				list, err := m.next.ListSubject(ctx, subject)
				if subject != "" && errors.Is(err, sessionstore.ErrInvalid) {
					err = nil
				}
				return list, err
			}
		}},
	}
}

// onList returns a mutant that spoils every list.
func onList(name, breaks string, spoil func(string, []sessionstore.Entry) []sessionstore.Entry) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
			list, err := m.next.ListSubject(ctx, subject)
			return spoil(subject, list), err
		}
	}}
}

// listWithout returns a mutant that leaves records out of a list for what they
// were when they were created.
func listWithout(name, breaks string, out func(subject string, created sessionstore.Record) bool) mutant {
	return mutant{name, []string{breaks}, func(m *mutated) {
		created := m.created()
		m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
			list, err := m.next.ListSubject(ctx, subject)
			return slices.DeleteFunc(list, func(e sessionstore.Entry) bool {
				r, ok := created.get(e.ID)
				return ok && out(subject, r)
			}), err
		}
	}}
}

// listWith returns a ListSubject that adds remembered records of the subject.
func listWith(
	m *mutated, some *memory[sessionstore.Record], in func(subject string, r sessionstore.Record) bool,
) func(context.Context, string) ([]sessionstore.Entry, error) {
	return func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
		list, err := m.next.ListSubject(ctx, subject)
		if err != nil {
			return nil, err
		}
		for _, id := range some.keys(func(r sessionstore.Record) bool { return r.Subject == subject && in(subject, r) }) {
			r, _ := some.get(id)
			list = append(list, sessionstore.Entry{ID: id, Record: r})
		}
		return list, nil
	}
}

func subjectDeleteMutants() []mutant {
	const subjects = "subjects/"
	return []mutant{
		{"DeleteSubject counts one too many of several", []string{subjects + "deletes and counts"}, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				if n > 2 {
					n++
				}
				return n, err
			}
		}},
		{
			"DeleteSubject leaves one of several",
			[]string{subjects + "deletes and counts", subjects + "deletes under updates"},
			func(m *mutated) {
				m.purge = purgeIf(m, func(i int, _ sessionstore.Entry) bool { return i < 2 })
			},
		},
		{"DeleteSubject counts what has expired", []string{subjects + "does not count what has expired"}, func(m *mutated) {
			created := m.created()
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				return n + len(created.keys(func(r sessionstore.Record) bool { return r.Subject == subject && dead(r) })), err
			}
		}},
		{
			"DeleteSubject spares what came by update",
			[]string{subjects + "deletes what it was given by update"},
			func(m *mutated) {
				created := m.created()
				m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool {
					r, _ := created.get(e.ID)
					return r.Subject == e.Record.Subject
				})
			},
		},
		{"DeleteSubject deletes what was given away", []string{subjects + "leaves other subjects"}, func(m *mutated) {
			created := m.created()
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				if err != nil {
					return n, err
				}
				for _, id := range created.keys(func(r sessionstore.Record) bool { return r.Subject == subject }) {
					err = errors.Join(err, m.next.Delete(ctx, id))
				}
				return n, err
			}
		}},
		{"DeleteSubject is for ever", []string{subjects + "leaves later records"}, func(m *mutated) {
			var ended set
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				if err == nil {
					ended.add(subject)
				}
				return n, err
			}
			m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
				if ended.has(subject) {
					return nil, nil
				}
				return m.next.ListSubject(ctx, subject)
			}
		}},
		{
			"DeleteSubject spares what is updated meanwhile",
			[]string{subjects + "deletes under updates"},
			func(m *mutated) {
				m.purge = purgeIf(m, func(_ int, e sessionstore.Entry) bool {
					pause(time.Millisecond)
					r, err := m.ref.Load(context.Background(), e.ID)
					return err == nil && r.Version == e.Record.Version
				})
			},
		},
		{"DeleteSubject fails if there are none", []string{subjects + "delete unknown subject"}, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				if n == 0 && err == nil {
					return 0, sessionstore.ErrNotFound
				}
				return n, err
			}
		}},
		{"DeleteSubject of nobody succeeds", []string{subjects + "delete refused subject"}, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				if subject == "" {
					return 0, nil
				}
				return m.next.DeleteSubject(ctx, subject)
			}
		}},
		{"DeleteSubject refuses nobody only", []string{subjects + "delete refused subject"}, func(m *mutated) {
			m.purge = func(ctx context.Context, subject string) (int, error) {
				n, err := m.next.DeleteSubject(ctx, subject)
				if subject != "" && errors.Is(err, sessionstore.ErrInvalid) {
					err = nil
				}
				return n, err
			}
		}},
	}
}

// purgeIf returns a DeleteSubject that deletes only some records and counts all.
func purgeIf(m *mutated, some func(i int, e sessionstore.Entry) bool) func(context.Context, string) (int, error) {
	return func(ctx context.Context, subject string) (int, error) {
		list, err := m.next.ListSubject(ctx, subject)
		for i, e := range list {
			if some(i, e) {
				err = errors.Join(err, m.next.Delete(ctx, e.ID))
			}
		}
		return len(list), err
	}
}
