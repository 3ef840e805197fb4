package conformance

import (
	"bytes"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func ownershipCases() []testCase {
	return []testCase{
		{
			name: "create does not keep data",
			rule: "Create does not keep r.Data after it returns: what the caller does to it is not stored.",
			run: func(t *tester) {
				id, r := t.created()
				wantNotKept(t, id, r.Data)
			},
		},
		{
			name: "update does not keep data",
			rule: "Update does not keep r.Data after it returns: what the caller does to it is not stored.",
			run: func(t *tester) {
				id, old := t.created()
				r := t.record()
				t.update(id, old.Version, r)
				wantNotKept(t, id, r.Data)
			},
		},
		{
			name: "create does not change data",
			rule: "Create does not change r.Data, nor the memory behind it, also if it refuses the record.",
			run: func(t *tester) {
				wantNotChanged(t, func(r sessionstore.Record) { t.create(t.newID(), r) })
				id, _ := t.created()
				wantNotChanged(t, func(r sessionstore.Record) {
					t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, r), "Create over a live record")
				})
			},
		},
		{
			name: "update does not change data",
			rule: "Update does not change r.Data, nor the memory behind it, also if it refuses the record.",
			run: func(t *tester) {
				id, old := t.created()
				wantNotChanged(t, func(r sessionstore.Record) { t.update(id, old.Version, r) })
				wantNotChanged(t, func(r sessionstore.Record) {
					t.want(sessionstore.ErrConflict, t.store.Update(t.Context(), id, old.Version, r), "Update of another version")
				})
			},
		},
		{
			name: "loaded data is the caller's",
			rule: "The Data that Load returns belongs to the caller, who may change it.",
			run:  ownLoaded,
		},
		{
			name: "loaded data stays",
			rule: "What Load and ListSubject return belongs to the caller: no later call changes data, subject or id.",
			run:  ownStays,
		},
		{
			name: "loaded at the same time",
			rule: "The Data that Load returns belongs to the caller: clients that load the same record at the same time share no memory.",
			run:  ownConcurrent,
		},
		{
			name:  "scanned data is the caller's",
			rule:  "The entries that Scan yields belong to the caller.",
			needs: Scanner,
			run:   ownScanned,
		},
		{
			name:  "listed data is the caller's",
			rule:  "The entries that ListSubject returns belong to the caller.",
			needs: SubjectIndex,
			run:   ownListed,
		},
	}
}

// owned is how many records a case looks at whose data may lie in one piece of memory. The
// first few of a piece that grows lie apart.
const owned = 20

// wantNotKept overwrites data, which was written under id, and fails the case
// if that can be read.
func wantNotKept(t *tester, id string, data []byte) {
	t.Helper()
	written := bytes.Clone(data)
	overwrite(data)
	r := t.load(id)
	if !bytes.Equal(r.Data, written) {
		t.Fatalf("the caller changed its data after the write, and Load returns %q, want %q", r.Data, written)
	}
	if !t.has(SubjectIndex) {
		return
	}
	for _, e := range t.list(r.Subject) {
		if !bytes.Equal(e.Record.Data, written) {
			t.Fatalf("the caller changed its data after the write, and ListSubject returns %q, want %q", e.Record.Data, written)
		}
	}
}

// wantNotChanged fails the case if write changes the data that it is given, or
// the room behind it, into which an append would go.
func wantNotChanged(t *tester, write func(sessionstore.Record)) {
	t.Helper()
	r := t.record()
	memory := slices.Concat(r.Data, bytes.Repeat([]byte("free"), 100))
	before := bytes.Clone(memory)
	r.Data = memory[:len(r.Data)]
	write(r)
	if !bytes.Equal(memory, before) {
		t.Fatal("the caller's memory was changed by the write")
	}
}

func ownScanned(t *tester) {
	t = t.isolated()
	written := make(map[string]sessionstore.Record)
	for range owned {
		id, r := t.created()
		mine := r.Data
		r.Data = bytes.Clone(mine)
		written[id] = r
		overwrite(mine) // which Create does not keep
	}
	var all []sessionstore.Entry
	for e, err := range sessionstore.Scan(t.Context(), t.store) {
		t.want(nil, err, "Scan")
		all = append(all, e)
	}
	wantApart(t, "Scan has yielded", all, written)
	found, _ := t.scan()
	for id, r := range written {
		if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
			t.Fatalf("the caller changed what Scan had yielded, and Load returns %q, want %q", got, r.Data)
		}
		if got := found[id].Data; !bytes.Equal(got, r.Data) {
			t.Fatalf("the caller changed what Scan had yielded, and Scan yields %q, want %q", got, r.Data)
		}
	}
}

// ownLoaded also writes where an append would go: there may be another record.
func ownLoaded(t *tester) {
	before, b := t.created()
	id, r := t.created()
	after, a := t.created()
	t.load(before)
	data := t.load(id).Data
	t.load(after)
	overwrite(data[:cap(data)])
	for other, want := range map[string][]byte{before: b.Data, after: a.Data} {
		if got := t.load(other).Data; !bytes.Equal(got, want) {
			t.Fatalf("the caller appended to what it had loaded, and Load of another record returns %q, want %q", got, want)
		}
	}
	if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
		t.Fatalf("the caller changed what it had loaded, and Load returns %q, want %q", got, r.Data)
	}
}

func ownStays(t *tester) {
	id, r := t.created()
	kept := []sessionstore.Entry{{ID: id, Record: t.load(id)}}
	if t.has(SubjectIndex) {
		kept = append(kept, t.list(r.Subject)...)
	}
	for range 3 {
		other, next := t.created()
		t.load(other)
		if t.has(SubjectIndex) {
			t.list(next.Subject)
		}
	}
	t.update(id, r.Version, t.record())
	t.load(id)
	t.remove(id)
	for _, e := range kept {
		if !bytes.Equal(e.Record.Data, r.Data) || e.ID != id || e.Record.Subject != r.Subject {
			t.Fatalf("later calls have changed what had been loaded or listed to %q of %q under %q, want %q of %q under %q",
				e.Record.Data, e.Record.Subject, e.ID, r.Data, r.Subject, id)
		}
	}
}

// ownConcurrent has each client write its number over what it has loaded.
func ownConcurrent(t *tester) {
	for range raceRounds {
		id, r := t.created()
		loaded := make([][]byte, racers)
		t.race(func(n int, s sessionstore.Store) {
			got, err := s.Load(t.Context(), id)
			if err != nil || !bytes.Equal(got.Data, r.Data) {
				t.Errorf("Load returns %q (error %v), want %q", got.Data, err, r.Data)
			}
			loaded[n] = got.Data
		})
		for n, data := range loaded {
			for i := range data {
				data[i] = byte(n)
			}
		}
		for n, data := range loaded {
			if !bytes.Equal(data, bytes.Repeat([]byte{byte(n)}, len(data))) {
				t.Fatal("two clients that loaded a record at the same time got the same memory")
			}
		}
	}
}

func ownListed(t *tester) {
	subject := newSubject()
	written := make(map[string]sessionstore.Record)
	for _, id := range t.createdFor(subject, owned) {
		written[id] = t.load(id)
	}
	first, second := t.list(subject), t.list(subject)
	clear(first)
	for _, e := range second {
		if e.ID == "" {
			t.Fatal("the caller changed a list, and another list has changed")
		}
	}
	wantApart(t, "ListSubject has returned", second, written)
	for id, r := range written {
		if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
			t.Fatalf("the caller changed what it had listed, and Load returns %q, want %q", got, r.Data)
		}
	}
	for _, e := range t.list(subject) {
		if want := written[e.ID].Data; !bytes.Equal(e.Record.Data, want) {
			t.Fatalf("the caller changed what it had listed, and ListSubject returns %q, want %q", e.Record.Data, want)
		}
	}
}

// wantApart overwrites the data of each entry, and where an append would go, and fails the
// case if that reaches the data of another.
func wantApart(t *tester, source string, entries []sessionstore.Entry, written map[string]sessionstore.Record) {
	t.Helper()
	for _, e := range entries {
		if want := written[e.ID].Data; !bytes.Equal(e.Record.Data, want) {
			t.Fatalf("%s data that was not written, or the caller's append to that of another entry has reached it: %q, want %q",
				source, e.Record.Data, want)
		}
		overwrite(e.Record.Data[:cap(e.Record.Data)])
	}
}

func overwrite(data []byte) {
	for i := range data {
		data[i] = '#'
	}
}
