package conformance

import (
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func pruneAwryCases() []testCase {
	return []testCase{
		{
			name:  "leaves what is damaged",
			rule:  "What isn't a record is left as it is by Prune: damage must not look like a visitor who is new.",
			needs: Pruner,
			run: func(t *tester) {
				id := corrupted(t)
				t.prune(t.store)
				t.wantAllDamaged(id)
			},
		},
		{
			name:  "removes what is beside damage",
			rule:  "Prune removes and counts expired records, and leaves what isn't a record: that does not end it, wherever it is.",
			needs: Pruner,
			run: func(t *tester) {
				damaged := t.corruptedAnywhere()
				t.wantPruned(func() int { return t.prune(t.store) })
				t.wantAllDamaged(damaged...)
			},
		},
		{
			name:  "leaves what has another life",
			rule:  "Prune goes by the record that is there now: what was created where one was deleted is live past the expiry of that one, however it was deleted.",
			needs: Pruner,
			run:   pruneLeavesAnotherLife,
		},
	}
}

// pruneLeavesAnotherLife deletes records before they expire.
func pruneLeavesAnotherLife(t *tester) {
	ends := map[string]func(id, subject string) error{
		"Delete": func(id, _ string) error { return t.store.Delete(t.Context(), id) },
	}
	if t.has(SubjectIndex) {
		ends["DeleteSubject"] = func(_, subject string) error {
			_, err := sessionstore.DeleteSubject(t.Context(), t.store, subject)
			return err
		}
	}
	ids := make(map[string]string)
	var last time.Time
	for how, end := range ends {
		id, former := t.dying(func(id string, r sessionstore.Record) error {
			if err := end(id, r.Subject); err != nil {
				return err
			}
			return t.store.Create(t.Context(), id, t.recordOf(r.Subject))
		})
		ids[how], last = id, former.Expires
	}
	t.waitExpired(last)
	t.prune(t.store)
	for how, id := range ids {
		t.wantLeftByPrune("what was created after "+how+" and before the old one had expired", id)
	}
}

func (t *tester) wantAllDamaged(ids ...string) {
	t.Helper()
	for _, id := range ids {
		_, err := t.store.Load(t.Context(), id)
		t.want(sessionstore.ErrCorrupt, err, "Load of foreign bytes after Prune")
	}
}

// corruptedAnywhere returns ids under which there is something that isn't a record: before and
// behind all others in the order of bytes, and between them.
func (t *tester) corruptedAnywhere() []string {
	t.Helper()
	t.needsHook(t.Corrupt != nil, "Corrupt")
	var ids []string
	for _, start := range []string{"--", "0", "A", "M", "_", "a", "m", "zz"} {
		id := t.discard(start + randomID()[len(start):])
		t.Corrupt(t, id)
		ids = append(ids, id)
	}
	return ids
}
