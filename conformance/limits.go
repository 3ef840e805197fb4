package conformance

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func limitCases() []testCase {
	cases := []testCase{
		{
			name: "longest subject",
			rule: "A subject may have 255 bytes of UTF-8.",
			run:  limitSubject,
		},
		{
			name: "largest data",
			rule: "Data of the size that the store declares is taken, by Create and by Update, and Touch moves its expiry.",
			run:  limitData,
		},
		{
			name: "too large to create",
			rule: "If a record is larger than the backend takes, Create returns ErrTooLarge, and nothing was written.",
			run:  limitCreate,
		},
		{
			name: "too large to update",
			rule: "If a record is larger than the backend takes, Update returns ErrTooLarge, and nothing was written.",
			run:  limitUpdate,
		},
	}
	for _, bad := range badRecords() {
		cases = append(cases,
			testCase{
				name: "create with " + bad.name,
				rule: "If r breaks the rules of Record, Create returns ErrInvalid, whatever is there, and nothing was written: " + bad.name + ".",
				run:  func(t *tester) { limitCreateInvalid(t, bad.spoil) },
			},
			testCase{
				name: "update with " + bad.name,
				rule: "If r breaks the rules of Record, Update returns ErrInvalid, whatever is there, and nothing was written: " + bad.name + ".",
				run:  func(t *tester) { limitUpdateInvalid(t, bad.spoil) },
			})
	}
	return cases
}

// longestSubject has as many letters as bytes.
func longestSubject() string {
	s := newSubject()
	return s + strings.Repeat("x", sessionstore.MaxSubjectLen-len(s))
}

// tooLongSubject has 256 bytes, and fewer letters than the longest subject has bytes.
func tooLongSubject() string {
	s := longestSubject()
	return s[:len(s)-1] + "é"
}

// surrogate is half of a pair that UTF-16 has for one letter. UTF-8 has no such thing.
const surrogate = "\xed\xa0\x80"

// longestSubjects returns one subject in letters of one byte each, and one that ends in
// letters of two.
func longestSubjects() []string {
	s := longestSubject()
	accents := (sessionstore.MaxSubjectLen - len(newSubject())) / 2
	return []string{longestSubject(), s[:len(s)-2*accents] + strings.Repeat("é", accents)}
}

// A badRecord breaks one rule of sessionstore.Record.
type badRecord struct {
	name  string
	spoil func(r *sessionstore.Record)
}

func badRecords() []badRecord {
	bad := []badRecord{
		{"version zero", func(r *sessionstore.Record) { r.Version = 0 }},
		{"a subject of 256 bytes", func(r *sessionstore.Record) { r.Subject = longestSubject() + "x" }},
		{"a subject of 256 bytes in fewer letters", func(r *sessionstore.Record) { r.Subject = tooLongSubject() }},
		{"a subject with NUL", func(r *sessionstore.Record) { r.Subject += "\x00" }},
		{"a subject that is not UTF-8", func(r *sessionstore.Record) { r.Subject += "\xc3" }},
		{"a subject with half a surrogate pair", func(r *sessionstore.Record) { r.Subject += surrogate }},
	}
	for _, b := range badExpiries() {
		bad = append(bad, badRecord{b.name, func(r *sessionstore.Record) { r.Expires = b.expires() }})
	}
	return bad
}

// A badExpiry is one that no record may be given.
type badExpiry struct {
	name    string
	expires func() time.Time // as late as the call
}

func badExpiries() []badExpiry {
	return []badExpiry{
		{"no expiry", func() time.Time { return time.Time{} }},
		{"an expiry in the past", func() time.Time { return time.Now().Add(-time.Minute) }},
		{"an expiry that is over now", time.Now},
		{"an expiry too far off", func() time.Time { return time.Date(2263, time.January, 1, 0, 0, 0, 0, time.UTC) }},
		// In nanoseconds of 64 bits, these are other years: the last two are in 2078 and 2184.
		{"an expiry a nanosecond too far off", func() time.Time { return time.Date(2262, time.April, 11, 23, 47, 15, 1, time.UTC) }},
		{"an expiry centuries too far off", func() time.Time { return time.Date(2663, time.January, 1, 0, 0, 0, 0, time.UTC) }},
		{"an expiry centuries ago", func() time.Time { return time.Date(1600, time.January, 1, 0, 0, 0, 0, time.UTC) }},
	}
}

func limitSubject(t *tester) {
	for _, subject := range longestSubjects() {
		id, r := t.newID(), t.record()
		r.Subject = subject
		t.want(nil, t.store.Create(t.Context(), id, r), "Create with a subject of 255 bytes")
		if got := t.load(id).Subject; got != subject {
			t.Fatalf("wrote subject %q, read %q", subject, got)
		}
	}
}

// sized returns a record with data of this size.
func (t *tester) sized(n int) sessionstore.Record {
	r := t.record()
	r.Subject, r.Data = "", randomBytes(n)
	return r
}

// largeSize is more than a backend may keep beside what is small, and than one page or
// packet of most.
func (t *tester) largeSize() int {
	const large = 60_000
	if t.MaxData > 0 {
		return min(large, t.MaxData)
	}
	return large
}

// largeBeside is large, and leaves room for a subject.
func (t *tester) largeBeside() int {
	if t.MaxData > 0 {
		return max(1, min(t.largeSize(), t.MaxData-sessionstore.MaxSubjectLen))
	}
	return t.largeSize()
}

func (t *tester) needsMaxData() {
	t.Helper()
	if t.MaxData == 0 {
		t.Skip("not applicable: Harness.MaxData is 0")
	}
}

func limitData(t *tester) {
	t.needsMaxData()
	id, r := t.newID(), t.sized(t.MaxData)
	t.want(nil, t.store.Create(t.Context(), id, r), "Create with the largest data")
	next := t.sized(t.MaxData)
	t.want(nil, t.store.Update(t.Context(), id, r.Version, next), "Update with the largest data")
	expires := next.Expires.Add(time.Hour)
	t.want(nil, sessionstore.Touch(t.Context(), t.store, id, next.Version, expires), "Touch of a record with the largest data")
	t.wantExpires(id, expires)
	if got := t.load(id).Data; !bytes.Equal(got, next.Data) {
		t.Fatalf("wrote %d random bytes, read %d others", len(next.Data), len(got))
	}
}

func limitCreate(t *tester) {
	t.needsMaxData()
	id := t.newID()
	for _, size := range []int{t.MaxData + 1, 2 * t.MaxData} {
		err := t.store.Create(t.Context(), id, t.sized(size))
		t.want(sessionstore.ErrTooLarge, err, fmt.Sprintf("Create with data of %d bytes, where Harness.MaxData is %d", size, t.MaxData))
		t.wantGone(id)
	}
}

func limitUpdate(t *tester) {
	t.needsMaxData()
	id, r := t.created()
	before := t.load(id)
	for _, size := range []int{t.MaxData + 1, 2 * t.MaxData} {
		large := t.sized(size)
		large.Expires = large.Expires.Add(time.Hour)
		err := t.store.Update(t.Context(), id, r.Version, large)
		t.want(sessionstore.ErrTooLarge, err, fmt.Sprintf("Update with data of %d bytes, where Harness.MaxData is %d", size, t.MaxData))
		if after := t.load(id); !sameRecord(after, before) {
			t.Fatalf("after an Update that was too large the record is version %d until %v, was %d until %v",
				after.Version, after.Expires, before.Version, before.Expires)
		}
	}
}

func limitCreateInvalid(t *tester, spoil func(*sessionstore.Record)) {
	id, r := t.newID(), t.record()
	spoil(&r)
	t.want(sessionstore.ErrInvalid, t.store.Create(t.Context(), id, r), "Create")
	t.wantGone(id)
	live, stored := t.created()
	t.want(sessionstore.ErrInvalid, t.store.Create(t.Context(), live, r), "Create over a live record")
	t.wantLive(live, stored.Version)
}

func limitUpdateInvalid(t *tester, spoil func(*sessionstore.Record)) {
	id, old := t.created()
	r := t.record()
	spoil(&r)
	t.want(sessionstore.ErrInvalid, t.store.Update(t.Context(), id, old.Version, r), "Update")
	t.want(sessionstore.ErrInvalid, t.store.Update(t.Context(), id, t.version(), r), "Update of another version")
	t.wantLive(id, old.Version)
	t.want(sessionstore.ErrInvalid, t.store.Update(t.Context(), t.newID(), old.Version, r), "Update of nothing")
}
