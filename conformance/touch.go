package conformance

import (
	"bytes"
	"fmt"
	"strconv"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// touchCases go through sessionstore.Touch: what its fallback promises is asked of
// every store, only what the fallback can't do needs the capability.
func touchCases() []testCase {
	return []testCase{
		{
			name: "later",
			rule: "Touch moves the expiry later, and the record stays live past the old one, with all that is in it.",
			run:  touchLater,
		},
		{
			name: "earlier",
			rule: "Touch moves the expiry earlier, and the record dies at the new one.",
			run:  touchEarlier,
		},
		{
			name: "the same again",
			rule: "Touch sets the expiry: also to the one that the record has already, as often as it is called.",
			run:  touchSame,
		},
		{
			name: "gives way to an update",
			rule: "The expiry is the one that was written last: an Update sets it earlier or later than a Touch has before.",
			run:  touchThenUpdateExpires,
		},
		{
			name: "is reported",
			rule: "Load returns the expiry that Touch has set, however little it differs, whoever's the record is and whatever is in it.",
			run:  touchReported,
		},
		{
			name: "leaves data and subject",
			rule: "Touch changes neither data nor subject.",
			run:  touchLeavesData,
		},
		{
			name:  "leaves the version",
			rule:  "Touch does not change the version.",
			needs: Toucher,
			run:   touchLeavesVersion,
		},
		{
			name:  "before an update",
			rule:  "An Update with the version from before a Touch still succeeds.",
			needs: Toucher,
			run:   touchThenUpdate,
		},
		{
			name: "loses to an update",
			rule: "If the stored version is another, Touch returns ErrConflict, and the expiry stays.",
			run:  touchConflict,
		},
		{
			name: "loses to a record created anew",
			rule: "A version from before a Delete and a new Create never matches again in Touch.",
			run:  touchAnew,
		},
		{
			name: "never creates",
			rule: "If there is no record, Touch returns ErrNotFound: it never creates.",
			run:  touchAbsent,
		},
		{
			name: "never brings back what was deleted",
			rule: "Touch of a deleted record returns ErrNotFound, and the record stays dead.",
			run:  touchDeleted,
		},
		{
			name: "never brings back what has expired",
			rule: "If the record has expired, Touch returns ErrNotFound, and the record stays dead.",
			run:  touchExpired,
		},
		{
			name: "refuses bad expiries",
			rule: "An expiry that CheckExpires refuses gives ErrInvalid from Touch, whatever is there, and nothing changes.",
			run:  touchInvalid,
		},
	}
}

func touchLater(t *tester) {
	var small, large sessionstore.Record
	var ids [2]string
	old := t.soon(func(soon time.Time) error {
		small, large = t.record(), t.sized(t.largeSize())
		for i, r := range []*sessionstore.Record{&small, &large} {
			ids[i], r.Expires = t.newID(), soon
			if err := t.store.Create(t.Context(), ids[i], *r); err != nil {
				return err
			}
			if err := sessionstore.Touch(t.Context(), t.store, ids[i], r.Version, inAnHour()); err != nil {
				return err
			}
		}
		return nil
	})
	t.waitExpired(old)
	for i, r := range []sessionstore.Record{small, large} {
		got, err := t.store.Load(t.Context(), ids[i])
		t.want(nil, err, fmt.Sprintf("Load of a record with %d bytes of data past the expiry before a Touch", len(r.Data)))
		if !bytes.Equal(got.Data, r.Data) || got.Subject != r.Subject {
			t.Fatalf("past the expiry before a Touch, the record is of %s with %d bytes, want %s with %d",
				whose(got.Subject), len(got.Data), whose(r.Subject), len(r.Data))
		}
	}
	if t.has(SubjectIndex) {
		for _, e := range t.list(small.Subject) {
			if !bytes.Equal(e.Record.Data, small.Data) {
				t.Fatalf("past the expiry before a Touch, the list has %d bytes of data, want %d", len(e.Record.Data), len(small.Data))
			}
		}
	}
}

func touchEarlier(t *tester) {
	id, r := t.created()
	expires := t.soon(func(expires time.Time) error {
		return sessionstore.Touch(t.Context(), t.store, id, r.Version, expires)
	})
	t.waitExpired(expires)
	t.wantGone(id)
}

func touchSame(t *tester) {
	id, r := t.created()
	for n := range often {
		got := t.load(id) // the fallback changes the version
		t.compareExpires(got, r.Expires)
		err := sessionstore.Touch(t.Context(), t.store, id, got.Version, r.Expires)
		t.want(nil, err, "Touch number "+strconv.Itoa(n+1)+", to the expiry that is there")
	}
	t.wantExpires(id, r.Expires)
}

func touchThenUpdateExpires(t *tester) {
	id, r := t.created()
	for _, shift := range []time.Duration{time.Hour, -30 * time.Minute} {
		t.touch(id, t.load(id).Version, r.Expires.Add(shift)) // the same
		next := t.record()
		t.update(id, t.load(id).Version, next)
		t.wantExpires(id, next.Expires)
	}
}

func touchReported(t *tester) {
	nobodys, empty := t.record(), t.record()
	nobodys.Subject, empty.Data = "", nil
	for _, r := range []sessionstore.Record{t.record(), nobodys, empty} {
		id := t.newID()
		t.create(id, r)
		t.touchedToAndFro(id, r)
	}
}

func (t *tester) touchedToAndFro(id string, r sessionstore.Record) {
	t.Helper()
	for _, shift := range []time.Duration{
		time.Hour, -30 * time.Minute, -29 * time.Minute, -29*time.Minute + time.Second, -29 * time.Minute,
		-29*time.Minute - time.Second, -29*time.Minute - 40*time.Second, -30 * time.Minute,
	} {
		expires := r.Expires.Add(shift)
		err := sessionstore.Touch(t.Context(), t.store, id, t.load(id).Version, expires) // the fallback of Touch changes it
		t.want(nil, err, fmt.Sprintf("Touch of a record of %s with %d bytes of data", whose(r.Subject), len(r.Data)))
		t.wantExpires(id, expires)
	}
}

func touchLeavesData(t *tester) {
	id, r := t.created()
	t.touch(id, r.Version, r.Expires.Add(time.Hour))
	if got := t.load(id); !bytes.Equal(got.Data, r.Data) || got.Subject != r.Subject {
		t.Fatalf("after Touch the record is %q of %q, was %q of %q", got.Data, got.Subject, r.Data, r.Subject)
	}
}

func touchLeavesVersion(t *tester) {
	id, r := t.created()
	t.touch(id, r.Version, r.Expires.Add(time.Hour))
	t.wantLive(id, r.Version)
}

func touchThenUpdate(t *tester) {
	id, old := t.created()
	t.touch(id, old.Version, old.Expires.Add(time.Hour))
	err := t.store.Update(t.Context(), id, old.Version, t.record())
	t.want(nil, err, "Update with the version from before a Touch")
}

func touchConflict(t *tester) {
	id, old := t.created()
	r := t.record()
	t.update(id, old.Version, r)
	for _, expires := range []time.Time{r.Expires.Add(time.Hour), r.Expires.Add(-30 * time.Minute)} {
		err := sessionstore.Touch(t.Context(), t.store, id, old.Version, expires)
		t.want(sessionstore.ErrConflict, err, "Touch with the version from before an Update")
		t.wantExpires(id, r.Expires)
	}
	t.wantLive(id, r.Version)
}

func touchAnew(t *tester) {
	id, old := t.created()
	t.remove(id)
	r := t.record()
	t.create(id, r)
	err := sessionstore.Touch(t.Context(), t.store, id, old.Version, r.Expires.Add(time.Hour))
	t.want(sessionstore.ErrConflict, err, "Touch with the version from before Delete and Create")
	t.wantExpires(id, r.Expires)
}

func touchAbsent(t *tester) {
	id := t.newID()
	err := sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch of nothing")
	t.wantGone(id)
}

func touchDeleted(t *tester) {
	id, r := t.created()
	t.remove(id)
	err := sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch of a deleted record")
	t.wantGone(id)
}

func touchExpired(t *tester) {
	id, r := t.expired()
	err := sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch of an expired record")
	err = sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
	t.want(sessionstore.ErrNotFound, err, "Touch of an expired record with another version")
	t.wantGone(id)
}

func touchInvalid(t *tester) {
	id, r := t.created()
	for _, b := range badExpiries() {
		err := sessionstore.Touch(t.Context(), t.store, id, r.Version, b.expires())
		t.want(sessionstore.ErrInvalid, err, "Touch with "+b.name)
		err = sessionstore.Touch(t.Context(), t.store, t.newID(), r.Version, b.expires())
		t.want(sessionstore.ErrInvalid, err, "Touch of nothing with "+b.name)
		t.wantExpires(id, r.Expires)
	}
}
