package conformance

import (
	"bytes"
	"strconv"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func updateCases() []testCase {
	return []testCase{
		{
			name: "replaces data",
			rule: "Update replaces the record if its version is old: the new data is there.",
			run:  updateData,
		},
		{
			name: "leaves nothing of longer data",
			rule: "Update replaces the record: shorter data leaves nothing of what was there.",
			run:  updateShorter,
		},
		{
			name: "replaces the subject",
			rule: "Update replaces the record: the new subject is there, also an empty one.",
			run:  updateSubject,
		},
		{
			name: "replaces the expiry",
			rule: "Update replaces the record: the new expiry is there, earlier or later than the old one.",
			run:  updateExpires,
		},
		{
			name: "of a part",
			rule: "Update replaces the record, however little differs, and however little is left: the version alone, the expiry, the subject or the data.",
			run:  updatePart,
		},
		{
			name: "again and again",
			rule: "Update replaces the record, however often that has been done before.",
			run:  updateOften,
		},
		{
			name: "refuses another version",
			rule: "If the version is another, Update returns ErrConflict.",
			run:  updateConflict,
		},
		{
			name: "leaves another version alone",
			rule: "ErrConflict says that nothing was written.",
			run:  updateConflictLeaves,
		},
		{
			name: "succeeds again",
			rule: "Update reports success if the stored version is r.Version already.",
			run:  updateAgain,
		},
		{
			name: "never creates",
			rule: "If there is no record, Update returns ErrNotFound: it never creates one.",
			run:  updateAbsent,
		},
		{
			name: "never brings back what was deleted",
			rule: "What was ended stays ended: Update of a deleted record returns ErrNotFound.",
			run:  updateDeleted,
		},
		{
			name: "never brings back what has expired",
			rule: "If the record has expired, Update returns ErrNotFound, and the record stays dead.",
			run:  updateExpired,
		},
		{
			name: "no success for a version that was deleted",
			rule: "Update reports success for r.Version only while it is stored: made again after a Delete, it returns ErrNotFound.",
			run:  updateDeletedAgain,
		},
		{
			name: "no success for a version that has expired",
			rule: "Update reports success for r.Version only while it is live: made again after expiry, it returns ErrNotFound.",
			run:  updateExpiredAgain,
		},
	}
}

func updateData(t *tester) {
	id, old := t.created()
	r := t.record()
	t.update(id, old.Version, r)
	if got := t.load(id); !bytes.Equal(got.Data, r.Data) || got.Version != r.Version {
		t.Fatalf("read version %d with %q, want %d with %q", got.Version, got.Data, r.Version, r.Data)
	}
}

func updateShorter(t *tester) {
	id, old := t.newID(), t.sized(t.largeSize())
	t.create(id, old)
	for _, n := range []int{len(old.Data) / 2, 40, 1, 0} {
		r := t.sized(n)
		t.update(id, old.Version, r)
		if got := t.load(id).Data; !bytes.Equal(got, r.Data) {
			t.Fatalf("wrote %d bytes over %d, read %d", n, len(old.Data), len(got))
		}
		old = r
	}
}

func updateSubject(t *tester) {
	id, old := t.created()
	for _, subject := range []string{newSubject(), "", newSubject()} {
		r := t.record()
		r.Subject = subject
		t.update(id, old.Version, r)
		if got := t.load(id).Subject; got != subject {
			t.Fatalf("updated the subject to %q, read %q", subject, got)
		}
		old = r
	}
}

func updateExpires(t *tester) {
	id, old := t.created()
	for _, shift := range []time.Duration{time.Hour, -30 * time.Minute} {
		r := t.record()
		r.Expires = r.Expires.Add(shift)
		t.update(id, old.Version, r)
		t.wantExpires(id, r.Expires)
		old = r
	}
}

func updatePart(t *tester) {
	id, r := t.created()
	for _, change := range []func(){
		func() {},
		func() { r.Expires = r.Expires.Add(time.Minute) },
		func() { r.Subject = newSubject() },
		func() { r.Subject = "" },
		func() { r.Data = nil },
	} {
		old := r
		r.Version = t.version()
		change()
		t.update(id, old.Version, r)
		got := t.load(id)
		t.compareExpires(got, r.Expires)
		if got.Version != r.Version || got.Subject != r.Subject || !bytes.Equal(got.Data, r.Data) {
			t.Fatalf("read version %s of %s, want %s of %s", name(got.Version), whose(got.Subject), name(r.Version), whose(r.Subject))
		}
		if t.has(SubjectIndex) && r.Subject != "" {
			t.wantList(r.Subject, id)
		}
		if t.has(SubjectIndex) && r.Subject != old.Subject {
			t.wantList(old.Subject)
		}
	}
}

// often is how often a case writes a record that says "however often".
const often = 100

func updateOften(t *tester) {
	id, old := t.created()
	for n := range often {
		r := t.record()
		t.want(nil, t.store.Update(t.Context(), id, old.Version, r), "Update number "+strconv.Itoa(n+1))
		old = r
	}
	t.wantWritten(id, old, "")
}

func updateConflict(t *tester) {
	id, stored := t.created()
	r := t.record()
	err := t.store.Update(t.Context(), id, t.version(), r)
	t.want(sessionstore.ErrConflict, err, "Update with a version that is not stored")
	stored.Version = t.version()
	err = t.store.Update(t.Context(), id, t.version(), stored)
	t.want(sessionstore.ErrConflict, err, "Update with a version that is not stored, to a record that differs in its version alone")
	err = t.store.Update(t.Context(), id, r.Version, r)
	t.want(sessionstore.ErrConflict, err, "Update from and to the same version, which is not stored")
}

func updateConflictLeaves(t *tester) {
	id, _ := t.created()
	before := t.load(id)
	_ = t.store.Update(t.Context(), id, t.version(), t.record()) // another case checks that it fails
	if got := t.load(id); !sameRecord(got, before) {
		t.Fatalf("after a refused Update the record is another: version %d, was %d", got.Version, before.Version)
	}
}

func updateAgain(t *tester) {
	id, old := t.created()
	r := t.record()
	t.update(id, old.Version, r)
	err := t.store.Update(t.Context(), id, old.Version, r)
	t.want(nil, err, "Update with r.Version stored already")
	t.wantLive(id, r.Version)
}

func updateAbsent(t *tester) {
	id := t.newID()
	err := t.store.Update(t.Context(), id, t.version(), t.record())
	t.want(sessionstore.ErrNotFound, err, "Update of nothing")
	t.wantGone(id)
}

func updateDeleted(t *tester) {
	id, old := t.created()
	t.remove(id)
	err := t.store.Update(t.Context(), id, old.Version, t.record())
	t.want(sessionstore.ErrNotFound, err, "Update of a deleted record")
	t.wantGone(id)
}

func updateExpired(t *tester) {
	id, old := t.expired()
	err := t.store.Update(t.Context(), id, old.Version, t.record())
	t.want(sessionstore.ErrNotFound, err, "Update of an expired record")
	err = t.store.Update(t.Context(), id, t.version(), t.record())
	t.want(sessionstore.ErrNotFound, err, "Update of an expired record with another version")
	t.wantGone(id)
}

func updateDeletedAgain(t *tester) {
	id, old := t.created()
	r := t.record()
	t.update(id, old.Version, r)
	t.remove(id)
	err := t.store.Update(t.Context(), id, old.Version, r)
	t.want(sessionstore.ErrNotFound, err, "the same Update after Delete")
}

func updateExpiredAgain(t *tester) {
	id, r := t.expired()
	r.Expires = inAnHour()
	err := t.store.Update(t.Context(), id, t.version(), r)
	t.want(sessionstore.ErrNotFound, err, "Update with the version of the expired record")
}
