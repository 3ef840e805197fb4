package conformance

import (
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func pruneDamageCases() []testCase {
	return []testCase{
		{
			name:  "leaves what is damaged",
			rule:  "What isn't a record is left as it is by Prune: damage must not look like a visitor who is new.",
			needs: Prune,
			run: func(t *tester) {
				id := corrupted(t)
				t.prune(t.store)
				t.wantAllDamaged(id)
			},
		},
		{
			name:  "removes what is beside damage",
			rule:  "Prune removes and counts expired records, and leaves what isn't a record: that does not end it, wherever it is.",
			needs: Prune,
			run: func(t *tester) {
				damaged := t.corruptedAnywhere()
				t.wantPruned(func() int { return t.prune(t.store) })
				t.wantAllDamaged(damaged...)
			},
		},
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
