package conformance

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func loadCases() []testCase {
	return []testCase{
		{
			name: "absent",
			rule: "If there is no record, Load returns ErrNotFound.",
			run:  func(t *tester) { t.wantGone(t.newID()) },
		},
		{
			name: "data as written",
			rule: "Data is opaque to the store: Load returns every byte as it was written.",
			run:  loadData,
		},
		{
			name: "empty data",
			rule: "A record's data may be empty.",
			run:  loadEmptyData,
		},
		{
			name: "large data",
			rule: "A large record comes back whole.",
			run:  loadLargeData,
		},
		{
			name: "data of every size",
			rule: "Data comes back whole whatever its size: a power of two, where a buffer, a page or a part ends, and one byte more or less.",
			run:  loadSizes,
		},
		{
			name: "subject as written",
			rule: "All stores return a record's subject from Load, byte for byte.",
			run:  loadSubject,
		},
		{
			name: "empty subject",
			rule: "A record may be nobody's: an empty subject comes back empty.",
			run:  loadEmptySubject,
		},
		{
			name: "changes nothing",
			rule: "Load only reads: the next Load returns the same record.",
			run:  loadTwice,
		},
	}
}

func loadData(t *tester) {
	everyByte := make([]byte, 256)
	for i := range everyByte {
		everyByte[i] = byte(i)
	}
	for _, data := range [][]byte{
		{'x'},
		{0},
		everyByte,
		[]byte("ends in zeros\x00\x00\x00"),
		[]byte(" \t spaces around \r\n"),
		[]byte("\xff\xfe\xed\xa0\x80 no UTF-8"),
		[]byte(`{"a":"\u0000"}`),
		[]byte("quo'te\"; -- \\ %s $1 ?"),
		[]byte("END\r\nSTORED\r\n"),
		[]byte("42"),
	} {
		id, r := t.newID(), t.record()
		r.Data = data
		t.create(id, r)
		if got := t.load(id).Data; !bytes.Equal(got, data) {
			t.Errorf("wrote %q, read %q", data, got)
		}
	}
}

func loadEmptyData(t *tester) {
	for _, data := range [][]byte{nil, {}} {
		id, r := t.newID(), t.record()
		r.Data = data
		t.create(id, r)
		if got := t.load(id).Data; len(got) != 0 {
			t.Errorf("wrote nothing, read %q", got)
		}
	}
}

func loadLargeData(t *tester) {
	size := 1 << 20
	if t.MaxData > 0 {
		size = min(size, t.MaxData)
	}
	id, r := t.newID(), t.record()
	r.Subject = ""
	r.Data = randomBytes(size)
	t.want(nil, t.store.Create(t.Context(), id, r), fmt.Sprintf("Create with %d bytes of data", size))
	if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
		t.Fatalf("wrote %d random bytes, read %d others", len(r.Data), len(got))
	}
}

func loadSizes(t *tester) {
	id, old := t.created()
	ends := []int{255 << 10}
	for power := 16; power <= 1<<18; power *= 2 {
		ends = append(ends, power)
	}
	for _, end := range ends {
		for n := end - 1; n <= end+1 && (t.MaxData == 0 || n <= t.MaxData); n++ {
			r := t.sized(n)
			t.want(nil, t.store.Update(t.Context(), id, old.Version, r), fmt.Sprintf("Update to %d bytes of data", n))
			if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
				t.Fatalf("wrote %d random bytes, read %d others", n, len(got))
			}
			old = r
		}
	}
}

func loadSubject(t *tester) {
	for _, subject := range []string{
		"a",
		"alice@example.com",
		" spaces around ",
		"tab\tand\nnewline\r\n",
		"quo'te\"\\%_*?[]{}:/$1",
		"Ünïcödé 名前 👩‍💻",
		"e\u0301 and \u00e9", // the same letter to the eye
		"\ufeffbyte order mark",
		"\ufffd",
		"42",
	} {
		id, r := t.newID(), t.record()
		r.Subject = subject
		t.create(id, r)
		if got := t.load(id).Subject; got != subject {
			t.Errorf("wrote subject %q, read %q", subject, got)
		}
	}
}

func loadEmptySubject(t *tester) {
	id, r := t.newID(), t.record()
	r.Subject = ""
	t.create(id, r)
	if got := t.load(id).Subject; got != "" {
		t.Fatalf("wrote an empty subject, read %q", got)
	}
}

func loadTwice(t *tester) {
	id, _ := t.created()
	first := t.load(id)
	for range 3 {
		if got := t.load(id); !sameRecord(got, first) {
			t.Fatalf("the first Load returned version %d and expiry %v, a later one %d and %v (and %d and %d bytes)",
				first.Version, first.Expires, got.Version, got.Expires, len(first.Data), len(got.Data))
		}
	}
}

// sameRecord compares records as they were returned, to the nanosecond.
func sameRecord(a, b sessionstore.Record) bool {
	return slices.Equal(a.Data, b.Data) && a.Subject == b.Subject &&
		a.Expires.Equal(b.Expires) && a.Version == b.Version
}
