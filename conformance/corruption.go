package conformance

import (
	"errors"

	session "github.com/cloakroom-go/cloakroom/core"
)

func corruptionCases() []testCase {
	return []testCase{
		{
			name: "is reported",
			rule: "If something is stored that isn't a record, Load returns ErrCorrupt, never ErrNotFound.",
			run: func(t *tester) {
				_, err := t.store.Load(t.Context(), corrupted(t))
				t.want(session.ErrCorrupt, err, "Load of foreign bytes")
			},
		},
		{
			name: "is left by load",
			rule: "Load leaves what isn't a record as it is.",
			run:  corruptionLeft,
		},
		{
			name: "is not updated",
			rule: "What isn't a record is left as it is: Update and Touch report neither success nor ErrNotFound.",
			run:  corruptionNotUpdated,
		},
		{
			name: "is deleted",
			rule: "Delete removes what is stored under id, also if it isn't a record.",
			run:  corruptionDeleted,
		},
		{
			name: "another's record",
			rule: "If a record is stored that wasn't written for this id, Load returns ErrCorrupt: it is never somebody else's session.",
			run:  corruptionMisplaced,
		},
	}
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
		if err == nil || errors.Is(err, session.ErrNotFound) {
			t.Fatalf("Load of foreign bytes: got error %v", err)
		}
	}
}

func corruptionNotUpdated(t *tester) {
	for _, m := range methods() {
		if m.name != "Update" && m.name != "Touch" {
			continue
		}
		id := corrupted(t)
		err := m.call(t.Context(), t.store, id, t.record())
		if err == nil || errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s of foreign bytes: got error %v", m.name, err)
		}
		if _, err = t.store.Load(t.Context(), id); err == nil || errors.Is(err, session.ErrNotFound) {
			t.Errorf("Load after %s of foreign bytes: got error %v", m.name, err)
		}
	}
}

func corruptionDeleted(t *tester) {
	id := corrupted(t)
	t.want(nil, t.store.Delete(t.Context(), id), "Delete of foreign bytes")
	t.wantGone(id)
}

func corruptionMisplaced(t *tester) {
	t.needsHook(t.Misplace != nil, "Misplace")
	from, _ := t.created()
	to := t.newID()
	t.Misplace(t, from, to)
	_, err := t.store.Load(t.Context(), to)
	t.want(session.ErrCorrupt, err, "Load of another's record")
}
