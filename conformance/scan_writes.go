package conformance

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func scanUnderWrites(t *tester) {
	t = t.isolated()
	stays := t.createdFor(newSubject(), 20)
	var wg sync.WaitGroup
	var stop atomic.Bool
	defer wg.Wait()
	defer stop.Store(true)
	for range racers {
		wg.Go(func() {
			for ; !stop.Load(); runtime.Gosched() {
				if err := t.comeAndGo(t.store, newSubject()); err != nil {
					t.Errorf("create, update, delete: %v", err)
					return
				}
			}
		})
	}
	t.wantThroughout(stays)
}

func scanUnderUpdates(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), racers)
	t.whileUpdated(ids, func() { t.wantThroughout(ids) })
}

func scanUnderMoves(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), racers)
	t.createdFor(newSubject(), 3)
	t.whileGiven(ids, func() { t.wantThroughout(ids) })
}

// wantThroughout scans again and again for records that are live throughout.
func (t *tester) wantThroughout(ids []string) {
	t.Helper()
	for range raceRounds {
		found, damaged := t.scan()
		missing := 0
		for _, id := range ids {
			if _, ok := found[id]; !ok {
				missing++
			}
		}
		if missing > 0 || len(damaged) > 0 {
			t.Fatalf("Scan misses %d of %d records that are live throughout, and calls %d damaged", missing, len(ids), len(damaged))
		}
	}
}

func scanWritesWithin(t *tester) {
	t = t.isolated()
	ids := t.createdFor(newSubject(), 12)
	seen := 0
	for e, err := range sessionstore.Scan(t.Context(), t.store) {
		t.want(nil, err, "Scan")
		if !slices.Contains(ids, e.ID) {
			continue // what was created meanwhile
		}
		switch seen++; seen % 4 {
		case 0:
			t.remove(e.ID)
			t.wantGone(e.ID)
		case 1:
			t.wantLive(e.ID, t.give(e.ID, "").Version)
		case 2:
			expires := e.Record.Expires.Add(time.Minute)
			t.touch(e.ID, e.Record.Version, expires)
			t.wantExpires(e.ID, expires)
		case 3:
			t.load(e.ID)
		}
		if seen < 4 {
			_, r := t.created()
			t.othersWithin(r.Subject)
		}
	}
	if seen != len(ids) {
		t.Fatalf("Scan yields %d of %d records that were live until it came to them", seen, len(ids))
	}
	for _, err := range sessionstore.Scan(t.Context(), t.store) {
		t.want(nil, err, "Scan")
		if t.has(AllDeleter) {
			_, err := sessionstore.DeleteAll(t.Context(), t.store)
			t.want(nil, err, "DeleteAll within a Scan")
		}
		break
	}
}

// othersWithin calls the methods that go by no id.
func (t *tester) othersWithin(subject string) {
	t.Helper()
	if t.has(SubjectIndex) {
		viewList().want(t, newSubject(), "within a Scan")
		t.wantDeleted(subject, 1)
	}
	if t.has(Pruner) {
		t.prune(t.store)
	}
}
