package conformance

import (
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func deleteCases() []testCase {
	return []testCase{
		{
			name: "removes",
			rule: "Once Delete has returned, no Load that starts later finds the record.",
			run:  deleteRemoves,
		},
		{
			name: "whatever the version",
			rule: "Delete removes what is stored under id, whatever its version.",
			run:  deleteUpdated,
		},
		{
			name: "nothing there",
			rule: "Delete reports success if nothing is there.",
			run: func(t *tester) {
				t.want(nil, t.store.Delete(t.Context(), t.newID()), "Delete of nothing")
			},
		},
		{
			name: "twice",
			rule: "Delete reports success if the record has been deleted before.",
			run:  deleteTwice,
		},
		{
			name: "expired",
			rule: "Delete reports success if the record has expired.",
			run:  deleteExpired,
		},
		{
			name: "only this record",
			rule: "Delete removes what is stored under id and nothing else, also of the same subject.",
			run:  deleteOne,
		},
		{
			name: "when storage is full",
			rule: "Delete does not depend on the backend having room to write: a logout works when storage is full.",
			run:  deleteFull,
		},
	}
}

func deleteRemoves(t *tester) {
	id, _ := t.created()
	t.remove(id)
	t.wantGone(id)
}

func deleteUpdated(t *tester) {
	id, old := t.created()
	t.update(id, old.Version, t.record())
	t.remove(id)
	t.wantGone(id)
}

func deleteTwice(t *tester) {
	id, _ := t.created()
	t.remove(id)
	t.want(nil, t.store.Delete(t.Context(), id), "Delete of a deleted record")
}

func deleteExpired(t *tester) {
	id, _ := t.expired()
	t.want(nil, t.store.Delete(t.Context(), id), "Delete of an expired record")
}

func deleteOne(t *tester) {
	id, r := t.created()
	other := t.newID()
	t.create(other, r)
	t.remove(id)
	t.wantLive(other, r.Version)
}

func deleteFull(t *tester) {
	t.needsHook(t.Full != nil, "Full")
	id, r := t.newID(), t.record()
	full := t.Full(t, id, r)
	got, err := full.Load(t.Context(), id)
	t.want(nil, err, "Load from the store of Harness.Full")
	if got.Version != r.Version {
		t.Fatalf("the store of Harness.Full holds version %d, want %d", got.Version, r.Version)
	}
	t.want(nil, full.Delete(t.Context(), id), "Delete when storage is full")
	_, err = full.Load(t.Context(), id)
	t.want(sessionstore.ErrNotFound, err, "Load after Delete")
}
