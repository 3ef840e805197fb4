package conformance

import (
	"fmt"
	"math"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func versionCases() []testCase {
	return []testCase{
		{
			name: "any number",
			rule: "The writer chooses the version: every number but zero comes back as it is, is matched by Update and Touch, and is known again by Create and Update.",
			run:  versionExtremes,
		},
		{
			name: "compared in full",
			rule: "Stores compare versions: one that differs in a single bit is another, to Create, Update and Touch.",
			run:  versionBits,
		},
		{
			name: "need not rise",
			rule: "Stores compare versions and do not count them up: a smaller one may follow a larger one.",
			run:  versionFalls,
		},
		{
			name: "zero matches nothing",
			rule: "Zero is no version: Update with old zero, and Touch with it, return ErrConflict.",
			run:  versionZero,
		},
		{
			name: "none survives delete and create",
			rule: "A version from before a Delete and a new Create never matches again.",
			run:  versionOfFormerLife,
		},
		{
			name: "none survives expiry and create",
			rule: "A version from before expiry and a new Create never matches again.",
			run:  versionOfExpired,
		},
	}
}

func versionExtremes(t *tester) {
	id, old := t.created()
	for _, v := range []sessionstore.Version{1, 1 << 31, 1 << 32, 1<<53 + 1, 1<<63 - 1, 1 << 63, math.MaxUint64} {
		r := t.record()
		r.Version = v
		t.want(nil, t.store.Update(t.Context(), id, old.Version, r), fmt.Sprintf("Update from version %d to %d", old.Version, v))
		if got := t.load(id).Version; got != v {
			t.Fatalf("wrote version %d, read %d", v, got)
		}
		t.want(nil, t.store.Create(t.Context(), id, r), fmt.Sprintf("Create with version %d, which is stored", v))
		t.want(nil, t.store.Update(t.Context(), id, old.Version, r), fmt.Sprintf("Update to version %d, which is stored", v))
		err := sessionstore.Touch(t.Context(), t.store, id, v, inAnHour().Add(time.Minute))
		t.want(nil, err, fmt.Sprintf("Touch of version %d", v))
		r.Version = t.load(id).Version // the fallback of Touch changes it
		old = r
	}
}

func versionBits(t *tester) {
	const v sessionstore.Version = 1<<63 | 1<<53 | 1<<32 | 1
	id, r := t.newID(), t.record()
	r.Version = v
	t.create(id, r)
	for bit := range 64 {
		err := t.store.Update(t.Context(), id, v^1<<bit, t.record())
		t.want(sessionstore.ErrConflict, err, "Update with a version that differs in one bit")
		err = sessionstore.Touch(t.Context(), t.store, id, v^1<<bit, inAnHour())
		t.want(sessionstore.ErrConflict, err, "Touch with a version that differs in one bit")
		again := t.record()
		again.Version = v ^ 1<<bit
		t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, again),
			"Create with a version that differs from the stored one in one bit")
		err = t.store.Update(t.Context(), id, t.version(), again)
		t.want(sessionstore.ErrConflict, err, "Update to a version that differs from the stored one in one bit")
	}
}

func versionFalls(t *tester) {
	id, old := t.created()
	for _, v := range []sessionstore.Version{1000, 5, 7, 6} {
		r := t.record()
		r.Version = v
		err := t.store.Update(t.Context(), id, old.Version, r)
		t.want(nil, err, "Update to a smaller version")
		t.wantLive(id, v)
		old = r
	}
}

func versionZero(t *tester) {
	id, _ := t.created()
	err := t.store.Update(t.Context(), id, 0, t.record())
	t.want(sessionstore.ErrConflict, err, "Update with old zero")
	err = sessionstore.Touch(t.Context(), t.store, id, 0, inAnHour())
	t.want(sessionstore.ErrConflict, err, "Touch with version zero")
}

func versionOfFormerLife(t *tester) {
	id, former := t.created()
	t.remove(id)
	t.create(id, t.record())
	err := t.store.Update(t.Context(), id, former.Version, t.record())
	t.want(sessionstore.ErrConflict, err, "Update with the version of the deleted record")
}

func versionOfExpired(t *tester) {
	id, former := t.expired()
	t.create(id, t.record())
	err := t.store.Update(t.Context(), id, former.Version, t.record())
	t.want(sessionstore.ErrConflict, err, "Update with the version of the expired record")
}
