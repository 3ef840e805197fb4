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
			rule: "Create does not change r.Data, nor the memory behind it.",
			run: func(t *tester) {
				wantNotChanged(t, func(r sessionstore.Record) { t.create(t.newID(), r) })
			},
		},
		{
			name: "update does not change data",
			rule: "Update does not change r.Data, nor the memory behind it.",
			run: func(t *tester) {
				id, old := t.created()
				wantNotChanged(t, func(r sessionstore.Record) { t.update(id, old.Version, r) })
			},
		},
		{
			name: "loaded data is the caller's",
			rule: "The Data that Load returns belongs to the caller, who may change it.",
			run:  ownLoaded,
		},
		{
			name:  "scanned data is the caller's",
			rule:  "The entries that Scan yields belong to the caller.",
			needs: Scan,
			run:   ownScanned,
		},
		{
			name:  "listed data is the caller's",
			rule:  "The entries that ListSubject returns belong to the caller.",
			needs: Subjects,
			run:   ownListed,
		},
	}
}

// wantNotKept overwrites data, which was written under id, and fails the case
// if that can be read.
func wantNotKept(t *tester, id string, data []byte) {
	t.Helper()
	written := bytes.Clone(data)
	overwrite(data)
	if got := t.load(id).Data; !bytes.Equal(got, written) {
		t.Fatalf("the caller changed its data after the write, and Load returns %q, want %q", got, written)
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
	for range 3 {
		id, r := t.created()
		written[id] = r
	}
	for e, err := range sessionstore.Scan(t.Context(), t.store) {
		t.want(nil, err, "Scan")
		overwrite(e.Record.Data[:cap(e.Record.Data)])
	}
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

func ownListed(t *tester) {
	id, r := t.created()
	for _, e := range t.list(r.Subject) {
		overwrite(e.Record.Data)
	}
	if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
		t.Fatalf("the caller changed what it had listed, and Load returns %q, want %q", got, r.Data)
	}
	for _, e := range t.list(r.Subject) {
		if !bytes.Equal(e.Record.Data, r.Data) {
			t.Fatalf("the caller changed what it had listed, and ListSubject returns %q, want %q", e.Record.Data, r.Data)
		}
	}
}

func overwrite(data []byte) {
	for i := range data {
		data[i] = '#'
	}
}
