package conformance

import (
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func corruptionCases() []testCase {
	return []testCase{
		{
			name: "is reported",
			rule: "If something is stored that isn't a record, Load returns ErrCorrupt, never ErrNotFound.",
			run: func(t *tester) {
				_, err := t.store.Load(t.Context(), corrupted(t))
				t.want(sessionstore.ErrCorrupt, err, "Load of foreign bytes")
			},
		},
		{
			name: "is left by load",
			rule: "Load leaves what isn't a record as it is.",
			run:  corruptionLeft,
		},
		{
			name: "is not updated",
			rule: "What isn't a record is left as it is, whatever the version: Update and Touch return ErrCorrupt.",
			run:  corruptionNotUpdated,
		},
		{
			name: "is not created over",
			rule: "Create leaves what isn't a record as it is, with ErrCorrupt.",
			run: func(t *tester) {
				wantLeft(t, corrupted(t), func(id string) error { return t.store.Create(t.Context(), id, t.record()) })
			},
		},
		{
			name: "is deleted",
			rule: "Delete removes what is stored under id, also if it isn't a record, however often others have met it: a Create succeeds then.",
			run:  corruptionDeleted,
		},
		{
			name: "another's record",
			rule: "If a record is stored that wasn't written for this id, Load returns ErrCorrupt: it is never somebody else's session.",
			run:  corruptionMisplaced,
		},
		{
			name: "another's record is not touched",
			rule: "A record that wasn't written for this id is none: Touch returns ErrCorrupt, and leaves both it and the other's own.",
			run:  corruptionMisplacedTouch,
		},
		{
			name:  "another's record is not listed",
			rule:  "A record that wasn't written for an id is none: ListSubject does not list it under that id, and the other's own stays in the list.",
			needs: SubjectIndex,
			run:   corruptionMisplacedListed,
		},
		{
			name: "another's record is deleted alone",
			rule: "Delete removes what is stored under id, also if it was written for another, whose own record stays.",
			run:  corruptionMisplacedDeleted,
		},
		{
			name: "another's record is left",
			rule: "A record that wasn't written for this id is none: Create and Update leave it as it is, with ErrCorrupt, whatever its version.",
			run:  corruptionMisplacedLeft,
		},
	}
}

// wantLeft fails the case unless write returns ErrCorrupt, and so does a Load
// afterwards.
func wantLeft(t *tester, id string, write func(id string) error) {
	t.Helper()
	t.want(sessionstore.ErrCorrupt, write(id), "a write over what isn't a record")
	_, err := t.store.Load(t.Context(), id)
	t.want(sessionstore.ErrCorrupt, err, "Load after a write over what isn't a record")
}

// corrupted returns an id under which there is something that isn't a record.
func corrupted(t *tester) string {
	t.Helper()
	t.needsHook(t.Corrupt != nil, "Corrupt")
	id := t.newID()
	t.Corrupt(t, id)
	return id
}

func corruptionLeft(t *tester) {
	id := corrupted(t)
	for range 3 {
		_, err := t.store.Load(t.Context(), id)
		if err == nil || errors.Is(err, sessionstore.ErrNotFound) {
			t.Fatalf("Load of foreign bytes: got error %v", err)
		}
	}
}

func corruptionNotUpdated(t *tester) {
	for _, old := range []sessionstore.Version{t.version(), 0} { // none may be what damage looks like
		wantLeft(t, corrupted(t), func(id string) error {
			return t.store.Update(t.Context(), id, old, t.record())
		})
		wantLeft(t, corrupted(t), func(id string) error {
			return sessionstore.Touch(t.Context(), t.store, id, old, inAnHour())
		})
	}
}

// corruptionDeleted has every method meet the damage before, often: none may leave a lock or a
// connection behind with its error.
func corruptionDeleted(t *tester) {
	id := corrupted(t)
	for range cuts {
		_, _ = t.store.Load(t.Context(), id) // other cases check that these fail
		_ = t.store.Create(t.Context(), id, t.record())
		_ = t.store.Update(t.Context(), id, t.version(), t.record())
		_ = sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
	}
	t.want(nil, t.store.Delete(t.Context(), id), "Delete of foreign bytes")
	t.wantGone(id)
	r := t.record()
	t.want(nil, t.store.Create(t.Context(), id, r), "Create after the Delete of foreign bytes")
	t.wantLive(id, r.Version)
}

// misplaced returns an id under which there is the record of another, and that
// record.
func misplaced(t *tester) (string, sessionstore.Record) {
	t.Helper()
	t.needsHook(t.Misplace != nil, "Misplace")
	from, r := t.created()
	to := t.newID()
	t.Misplace(t, from, to)
	return to, r
}

func corruptionMisplaced(t *tester) {
	id, _ := misplaced(t)
	_, err := t.store.Load(t.Context(), id)
	t.want(sessionstore.ErrCorrupt, err, "Load of another's record")
}

func corruptionMisplacedLeft(t *tester) {
	id, r := misplaced(t)
	wantLeft(t, id, func(id string) error { return t.store.Create(t.Context(), id, r) })
	wantLeft(t, id, func(id string) error { return t.store.Update(t.Context(), id, r.Version, t.record()) })
}

// misplacedBeside returns the id under which another's record is, that other id and its
// record.
func misplacedBeside(t *tester) (id, from string, r sessionstore.Record) {
	t.Helper()
	t.needsHook(t.Misplace != nil, "Misplace")
	from, r = t.created()
	id = t.newID()
	t.Misplace(t, from, id)
	return id, from, r
}

func corruptionMisplacedTouch(t *tester) {
	id, from, r := misplacedBeside(t)
	before := t.load(from)
	wantLeft(t, id, func(id string) error {
		return sessionstore.Touch(t.Context(), t.store, id, r.Version, r.Expires.Add(time.Hour))
	})
	t.wantUnchanged(from, before, "Touch of its copy under another id")
}

// corruptionMisplacedListed allows ErrCorrupt: the store may find the copy, too. The other's
// own is in the list in any case.
func corruptionMisplacedListed(t *tester) {
	id, from, r := misplacedBeside(t)
	list, err := sessionstore.ListSubject(t.Context(), t.store, r.Subject)
	if !errors.Is(err, sessionstore.ErrCorrupt) {
		t.want(nil, err, "ListSubject beside another's record")
	}
	if len(list) != 1 || list[0].ID != from {
		for _, e := range list {
			if e.ID == id {
				t.Fatalf("ListSubject lists the copy of a record under an id for which it was not written")
			}
		}
		t.Fatalf("ListSubject lists %d records beside a misplaced copy, want the one that is there", len(list))
	}
}

func corruptionMisplacedDeleted(t *tester) {
	id, from, r := misplacedBeside(t)
	t.want(nil, t.store.Delete(t.Context(), id), "Delete of another's record")
	t.wantGone(id)
	t.wantLive(from, r.Version)
	if t.has(SubjectIndex) {
		t.wantList(r.Subject, from)
	}
}
