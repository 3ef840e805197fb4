package conformance

import (
	"bytes"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// viewMutants break ListSubject and Scan in the same way.
func viewMutants() []mutant {
	const now, back, anew = "what is there now", "what was given away and back", "what was created anew"
	const refused, large = "nothing that was refused", "large records"
	const written, toAndFro = "what is being written", "what is given to and fro"
	return slices.Concat(
		onView("shows the data that was created", shownAs(func(created, r *sessionstore.Record) { r.Data = created.Data }),
			views(now, written), "scan/finds what was written last"),
		onView("shows the version that was created", shownAs(func(created, r *sessionstore.Record) { r.Version = created.Version }),
			views(now, written), "scan/finds what was written last"),
		onView("shows the expiry from before Touch", beforeTouch, views(now), "scan/finds what was written last"),
		onView("shows times in a zone of its own", shownAs(func(_, r *sessionstore.Record) {
			r.Expires = r.Expires.In(time.FixedZone("", 3600))
		}), views(now)),
		onView("keeps versions as floating-point numbers", shownAs(func(_, r *sessionstore.Record) {
			if float := float64(r.Version); float < math.MaxUint64 {
				r.Version = sessionstore.Version(float)
			}
		}), views(now)),
		onView("trims data", shownAs(func(_, r *sessionstore.Record) { r.Data = bytes.TrimRight(r.Data, "\x00") }), views(now)),
		onView("shows what was there before longer data", shownAs(func(created, r *sessionstore.Record) {
			if len(r.Data) > 4096 {
				r.Data = created.Data
			}
		}), views(now)),
		onView("misses what comes back", comesBack, views(back, toAndFro)),
		onView("repeats what comes back", givenBackTwice, views(back, toAndFro)),
		onView("repeats what replaced an expired record", replacedTwice, views(anew), "subjects/not what was replaced after expiry"),
		onView("misses what was created where another was deleted", createdAgain, views(anew)),
		onView("is limited before the dead are left out", limitedWithDead, nil, "pages/lists behind what is dead",
			"pages/scans behind what is dead"),
		onView("ends after 4 MiB", endsAfterBytes, views(large)),
		onView("misses what is updated meanwhile", meanwhile(func(then,
			now sessionstore.Record,
		) bool {
			return then.Version != now.Version
		}),
			views(written)),
		onView("misses what is touched meanwhile",
			meanwhile(func(then, now sessionstore.Record) bool { return !then.Expires.Equal(now.Expires) }), views(written)),
		onView("has the version of another write", mixed, views(written)),
		onView("has what a refused Create wanted", refusedEntries("Create"), views(refused)),
		onView("has what a refused Update wanted", refusedEntries("Update"), views(refused)),
		onView("loses what a refused Update wanted away", refusedLoses, views(refused, written)),
	)
}

// views returns the names of these cases for ListSubject; onView makes those for Scan.
func views(names ...string) []string { return names }

type found = []sessionstore.Entry

// onView returns a mutant of ListSubject and one of Scan that spoil what is found. also
// are the cases of other topics that see it.
func onView(name string, plant func(own *mutated) func(found) found, cases []string, also ...string) []mutant {
	var list, scan []string
	for _, c := range cases {
		list, scan = append(list, "subjects/lists "+c), append(scan, "scan/yields "+c)
	}
	for _, c := range also {
		if strings.HasPrefix(c, "scan/") || strings.HasPrefix(c, "pages/scans") {
			scan = append(scan, c)
		} else {
			list = append(list, c)
		}
	}
	return []mutant{
		{"ListSubject " + name, list, func(m *mutated) {
			spoil := plant(m)
			m.list = func(ctx context.Context, subject string) (found, error) {
				list, err := m.next.ListSubject(ctx, subject)
				if err != nil {
					return nil, err
				}
				return slices.DeleteFunc(spoil(list), func(e sessionstore.Entry) bool { return e.Record.Subject != subject }), nil
			}
		}},
		{"Scan " + name, scan, isolated(func(own *mutated) {
			spoil := plant(own)
			own.scan = scanning(own, func(_ *mutated, all entries) entries {
				return func(yield yield) { each(spoil(collected(all)), yield) }
			})
		})},
	}
}

func shownAs(change func(created, r *sessionstore.Record)) func(*mutated) func(found) found {
	return func(m *mutated) func(found) found {
		created := m.created()
		return func(list found) found {
			for i := range list {
				if c, ok := created.get(list[i].ID); ok {
					c.Data = bytes.Clone(c.Data)
					change(&c, &list[i].Record)
				}
			}
			return list
		}
	}
}

func beforeTouch(m *mutated) func(found) found {
	var before memory[time.Time]
	touch := m.touch
	m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
		r, _ := m.ref.Load(ctx, id)
		err := touch(ctx, id, version, expires)
		if err == nil {
			before.put(id, r.Expires)
		}
		return err
	}
	return func(list found) found {
		for i, e := range list {
			if expires, ok := before.get(e.ID); ok {
				list[i].Record.Expires = expires
			}
		}
		return list
	}
}

// onGiven calls note after each Update that has changed a subject.
func onGiven(m *mutated, note func(id string, from, to sessionstore.Record)) {
	update := m.update
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		from, _ := m.ref.Load(ctx, id)
		err := update(ctx, id, old, r)
		if err == nil && from.Subject != r.Subject && from.Version == old {
			note(id, from, r)
		}
		return err
	}
}

// comesBack leaves out what a subject has had before.
func comesBack(m *mutated) func(found) found {
	var had set
	onGiven(m, func(id string, from, _ sessionstore.Record) { had.add(id + from.Subject) })
	return func(list found) found {
		return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return had.has(e.ID + e.Record.Subject) })
	}
}

func givenBackTwice(m *mutated) func(found) found {
	var had set
	onGiven(m, func(id string, from, _ sessionstore.Record) { had.add(id + from.Subject) })
	return func(list found) found {
		for _, e := range list {
			if had.has(e.ID + e.Record.Subject) {
				list = append(list, e)
			}
		}
		return list
	}
}

func replacedTwice(m *mutated) func(found) found {
	created := m.created()
	var replaced set
	create := m.create
	m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
		former, ok := created.get(id)
		err := create(ctx, id, r)
		if ok && dead(former) && err == nil {
			replaced.add(id)
		}
		return err
	}
	return func(list found) found {
		for _, e := range list {
			if replaced.has(e.ID) {
				list = append(list, e)
			}
		}
		return list
	}
}

func createdAgain(m *mutated) func(found) found {
	var deleted set
	remove := m.remove
	m.remove = func(ctx context.Context, id string) error {
		deleted.add(id)
		return remove(ctx, id)
	}
	return func(list found) found {
		return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return deleted.has(e.ID) })
	}
}

func limitedWithDead(m *mutated) func(found) found {
	created := m.created()
	return func(list found) found {
		return list[:max(0, min(len(list), 250-len(created.keys(dead))))]
	}
}

func endsAfterBytes(*mutated) func(found) found {
	return func(list found) found {
		size := 0
		for i, e := range list {
			if size += len(e.Record.Data); size > 4<<20 {
				return list[:i]
			}
		}
		return list
	}
}

func meanwhile(missed func(then, now sessionstore.Record) bool) func(*mutated) func(found) found {
	return func(m *mutated) func(found) found {
		return func(list found) found {
			pause(3 * time.Millisecond)
			return slices.DeleteFunc(list, func(e sessionstore.Entry) bool {
				now, err := m.ref.Load(context.Background(), e.ID)
				return err == nil && missed(e.Record, now)
			})
		}
	}
}

func mixed(m *mutated) func(found) found {
	return func(list found) found {
		pause(3 * time.Millisecond)
		for i, e := range list {
			if now, err := m.ref.Load(context.Background(), e.ID); err == nil && now.Version != e.Record.Version {
				list[i].Record.Version = now.Version
			}
		}
		return list
	}
}

func refusedEntries(method string) func(*mutated) func(found) found {
	return func(m *mutated) func(found) found {
		var wanted memory[sessionstore.Record]
		create, update := m.create, m.update
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			err := create(ctx, id, r)
			if method == "Create" && errors.Is(err, sessionstore.ErrExists) {
				wanted.put(id, r)
			}
			return err
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			err := update(ctx, id, old, r)
			if method == "Update" && errors.Is(err, sessionstore.ErrNotFound) && sessionstore.CheckID(id) == nil {
				wanted.put(id, r)
			}
			return err
		}
		return func(list found) found {
			for _, id := range wanted.all() {
				r, _ := wanted.get(id)
				list = append(list, sessionstore.Entry{ID: id, Record: r})
			}
			return list
		}
	}
}

func refusedLoses(m *mutated) func(found) found {
	var lost set
	update := m.update
	m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		stored, _ := m.ref.Load(ctx, id)
		err := update(ctx, id, old, r)
		if errors.Is(err, sessionstore.ErrConflict) && stored.Subject != r.Subject {
			lost.add(id + stored.Subject)
		}
		return err
	}
	return func(list found) found {
		return slices.DeleteFunc(list, func(e sessionstore.Entry) bool { return lost.has(e.ID + e.Record.Subject) })
	}
}
