package conformance

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// databaseMutants are what a store becomes that leaves collation, the width of columns
// and isolation to the defaults of a SQL database.
func databaseMutants() []mutant {
	similar := []string{"subjects/not other subjects", "subjects/leaves similar subjects"}
	longest := []string{"subjects/longest subject"}
	return []mutant{
		sameSubjects("subjects are compared without case", similar, strings.ToLower),
		sameSubjects("subjects are compared without accents", similar, strings.NewReplacer("è", "e").Replace),
		sameSubjects("subjects are compared in a normal form", similar, strings.NewReplacer("a\u0300", "à").Replace),
		sameSubjects("subjects are compared without trailing spaces", similar,
			func(subject string) string { return strings.TrimRight(subject, " ") }),
		sameSubjects("subjects are compared by 191 bytes", longest,
			func(subject string) string { return subject[:min(len(subject), 191)] }),
		sameSubjects("subjects are compared by 191 characters", longest, cut191),
		{"subjects are cut after 191 characters", append(longest, "limits/longest subject"), func(m *mutated) {
			m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
				if sessionstore.CheckRecord(r) == nil {
					r.Subject = cut191(r.Subject)
				}
				return m.next.Create(ctx, id, r)
			}
		}},
		onPeer(
			"a process reads from one snapshot until it conflicts",
			orders("peer/sees a create", "peer/sees an update", "peer/sees a delete"),
			snapshotOnPeer,
		),
		{"Update and Touch look for the reason in a snapshot", orders(), func(m *mutated) {
			m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
				return m.bySnapshot(ctx, id, func() error { return m.next.Update(ctx, id, old, r) })
			}
			m.touch = func(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
				return m.bySnapshot(ctx, id, func() error { return m.next.Touch(ctx, id, version, expires) })
			}
		}},
	}
}

func cut191(subject string) string {
	characters := []rune(subject)
	return string(characters[:min(len(characters), 191)])
}

// sameSubjects returns a mutant for which subjects are the same if fold makes them so.
func sameSubjects(name string, breaks []string, fold func(string) string) mutant {
	return mutant{name, breaks, func(m *mutated) {
		var known set
		m.create = func(ctx context.Context, id string, r sessionstore.Record) error {
			known.add(r.Subject)
			return m.next.Create(ctx, id, r)
		}
		m.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
			known.add(r.Subject)
			return m.next.Update(ctx, id, old, r)
		}
		others := func(subject string) (same []string) {
			for _, other := range known.all() {
				if other != subject && sessionstore.CheckSubject(other) == nil && fold(other) == fold(subject) {
					same = append(same, other)
				}
			}
			return same
		}
		m.list = func(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
			list, err := m.next.ListSubject(ctx, subject)
			if err != nil {
				return nil, err
			}
			for _, other := range others(subject) {
				more, err := m.next.ListSubject(ctx, other)
				if err != nil {
					return nil, err
				}
				list = append(list, more...)
			}
			return list, nil
		}
		m.purge = func(ctx context.Context, subject string) (int, error) {
			n, err := m.next.DeleteSubject(ctx, subject)
			if err != nil {
				return n, err
			}
			for _, other := range others(subject) {
				more, err := m.next.DeleteSubject(ctx, other)
				n += more
				if err != nil {
					return n, err
				}
			}
			return n, nil
		}
	}}
}

// snapshotOnPeer plants a connection for reads whose transaction stays open: what it has
// seen of a record, also that there is none, it goes on seeing.
func snapshotOnPeer(m *mutated) {
	type outcome struct {
		r   sessionstore.Record
		err error
	}
	var snapshot memory[outcome]
	m.peer.load = func(ctx context.Context, id string) (sessionstore.Record, error) {
		o, ok := snapshot.get(id)
		if !ok {
			o.r, o.err = m.next.Load(ctx, id)
			snapshot.put(id, o)
		}
		o.r.Data = bytes.Clone(o.r.Data)
		return o.r, o.err
	}
	m.peer.update = func(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
		err := m.next.Update(ctx, id, old, r)
		if errors.Is(err, sessionstore.ErrConflict) {
			snapshot.remove(id) // it rolls back
		}
		return err
	}
}

// bySnapshot calls write and, if it changes nothing, says why by what was there before.
func (m *mutated) bySnapshot(ctx context.Context, id string, write func() error) error {
	_, before := m.ref.Load(ctx, id)
	pause(100 * time.Microsecond)
	err := write()
	switch {
	case errors.Is(err, sessionstore.ErrNotFound) && before == nil:
		return sessionstore.ErrConflict
	case errors.Is(err, sessionstore.ErrConflict) && errors.Is(before, sessionstore.ErrNotFound):
		return before
	}
	return err
}
