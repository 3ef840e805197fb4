package conformance

import (
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func allCases() []testCase {
	return withNeeds(AllDeleter, []testCase{
		{
			name: "deletes and counts",
			rule: "DeleteAll deletes every record, whoever's it is, and reports how many.",
			run:  deleteAll,
		},
		{
			name: "does not count what has expired",
			rule: "DeleteAll reports how many live records it deleted.",
			run:  deleteAllExpired,
		},
		{
			name: "deletes what was written last",
			rule: "A record that Update has replaced, Touch has prolonged, or Create has put in place of an expired one, before DeleteAll is gone afterwards.",
			run:  deleteAllWritten,
		},
		{
			name: "deletes nothing",
			rule: "DeleteAll of a store without records deletes none.",
			run:  func(t *tester) { t.isolated().wantAllDeleted(0) },
		},
		{
			name: "leaves other namespaces",
			rule: "DeleteAll touches nothing outside of the store's own namespace.",
			run:  deleteAllForeign,
		},
		{
			name: "is not listed",
			rule: "A record that DeleteAll has deleted is not in the list of its subject.",
			run:  deleteAllListed,
		},
		{
			name: "leaves later records",
			rule: "DeleteAll ends what is there: a record created later, under a new id or an old one, is live and listed.",
			run:  deleteAllThenCreate,
		},
		{
			name: "deletes under updates",
			rule: "A record whose Create had returned before DeleteAll is gone afterwards and stays gone, even if it is updated at the same time.",
			run:  func(t *tester) { deleteAllBeside(t, (*tester).whileUpdated) },
		},
		{
			name: "deletes under moves",
			rule: "A record whose Create had returned before DeleteAll is gone afterwards, whosever it is by then: also one that is given to others and back at the same time.",
			run:  func(t *tester) { deleteAllBeside(t, (*tester).whileGiven) },
		},
		{
			name: "leaves the list complete",
			rule: "A record that is created during DeleteAll and stays is in the list of its subject.",
			run:  deleteAllUnderCreates,
		},
		{
			name: "ends for every process",
			rule: "Once DeleteAll has returned in one process, the records are absent in another, also those that it has seen: for each method. What either creates then is there in both.",
			run:  deleteAllForPeer,
		},
		{
			name: "is reported to a peer",
			rule: "Watch reports the records that DeleteAll has deleted in another process.",
			run:  listening(deleteAllToldPeer),
		},
		{
			name: "many at the same time",
			rule: "Any number of processes may call DeleteAll at the same time: none fails, and no record is counted twice.",
			run:  deleteAllConcurrently,
		},
	})
}

// wantAllDeleted fails the case unless DeleteAll reports this number.
func (t *tester) wantAllDeleted(n int) {
	t.Helper()
	got, err := sessionstore.DeleteAll(t.Context(), t.store)
	t.want(nil, err, "DeleteAll")
	if got != n {
		t.Fatalf("DeleteAll reports %d records, want %d", got, n)
	}
}

// createdForNobody returns the id of a new record without a subject.
func (t *tester) createdForNobody() string {
	t.Helper()
	id, r := t.newID(), t.record()
	r.Subject = ""
	t.create(id, r)
	return id
}

func deleteAll(t *tester) {
	t = t.isolated()
	ids := append(t.createdFor(newSubject(), 2), t.createdFor(newSubject(), 1)[0], t.createdForNobody())
	t.wantAllDeleted(len(ids))
	for _, id := range ids {
		t.wantGone(id)
	}
}

func deleteAllExpired(t *tester) {
	t = t.isolated()
	t.expired()
	live := t.createdFor(newSubject(), 2)
	t.wantAllDeleted(len(live))
}

func deleteAllWritten(t *tester) {
	t = t.isolated()
	updated, r := t.created()
	t.update(updated, r.Version, t.record())
	touched, r := t.created()
	t.touch(touched, r.Version, inAnHour().Add(time.Minute))
	anew, _ := t.expired()
	t.create(anew, t.record())
	t.wantAllDeleted(3)
	t.wantAllGone([]string{updated, touched, anew})
}

// deleteAllForeign has the same id in several namespaces.
func deleteAllForeign(t *tester) {
	t, neighbours := t.isolated(), []*tester{t, t.isolated()}
	id := t.newID()
	t.create(id, t.record())
	kept := make([]sessionstore.Record, len(neighbours))
	for i, n := range neighbours {
		kept[i] = n.record()
		n.create(n.discard(id), kept[i])
	}
	t.wantAllDeleted(1)
	t.wantGone(id)
	for i, n := range neighbours {
		n.wantLive(id, kept[i].Version)
		if n.has(SubjectIndex) {
			n.wantList(kept[i].Subject, id)
		}
	}
}

// needsSubjects skips the case unless the store has an index of subjects.
func (t *tester) needsSubjects() {
	t.Helper()
	if !t.has(SubjectIndex) {
		t.Skipf("not applicable: %T is no sessionstore.%s", unwatched(t.store), SubjectIndex)
	}
}

func deleteAllListed(t *tester) {
	t = t.isolated()
	t.needsSubjects()
	subject := newSubject()
	t.createdFor(subject, 3)
	id, r := t.created()
	r.Subject = subject
	old := r.Version
	r.Version = t.version()
	t.update(id, old, r)
	t.wantAllDeleted(4)
	t.wantList(subject)
}

func deleteAllThenCreate(t *tester) {
	t = t.isolated()
	subject := newSubject()
	old := t.createdFor(subject, 1)[0]
	first := t.load(old)
	t.wantAllDeleted(1)
	err := t.store.Update(t.Context(), old, t.version(), first)
	t.want(sessionstore.ErrNotFound, err, "Update made again after DeleteAll")
	t.create(old, first)
	t.wantLive(old, first.Version) // it was not taken for done
	t.wantAllDeleted(1)
	r := t.record()
	r.Subject = subject
	t.create(old, r)
	t.wantLive(old, r.Version)
	ids := append(t.createdFor(subject, 1), old)
	if t.has(SubjectIndex) {
		t.wantList(subject, ids...)
	}
}

// deleteAllForPeer has one process see the records that another deletes, again and again and
// in turn: a process may keep what tells a deleted record from another.
func deleteAllForPeer(t *tester) {
	t = t.paired()
	for range 2 {
		for _, t := range []*tester{t, t.other()} {
			subject := newSubject()
			ids := t.createdFor(subject, 3)
			seen := make([]sessionstore.Record, len(ids))
			for i, id := range ids {
				seen[i] = t.loadPeer(id)
			}
			t.wantAllDeleted(len(ids))
			ctx := t.Context()
			_, err := t.peer.Load(ctx, ids[0])
			t.want(sessionstore.ErrNotFound, err, "Load in another process after DeleteAll")
			err = t.peer.Update(ctx, ids[1], seen[1].Version, t.recordOf(subject))
			t.want(sessionstore.ErrNotFound, err, "Update in another process after DeleteAll")
			err = sessionstore.Touch(ctx, t.peer, ids[2], seen[2].Version, inAnHour())
			t.want(sessionstore.ErrNotFound, err, "Touch in another process after DeleteAll")
			if t.has(SubjectIndex) {
				t.other().wantList(subject)
			}
			if t.has(Scanner) {
				t.other().wantScanned()
			}
			anew := t.recordOf(subject)
			t.want(nil, t.peer.Create(ctx, ids[0], anew), "Create in another process after DeleteAll")
			t.wantLive(ids[0], anew.Version)
			if t.has(SubjectIndex) {
				t.wantList(subject, ids[0])
			}
			t.remove(ids[0])
		}
	}
}

func deleteAllToldPeer(t *tester) {
	if !t.has(Watcher) {
		t.Skipf("not applicable: %T is no sessionstore.Watcher", unwatched(t.store))
	}
	t = t.paired()
	ids := append(t.createdFor(newSubject(), 2), t.createdForNobody())
	l := t.listen(t.peer)
	t.wantAllDeleted(len(ids))
	t.wantToldAll(l, ids, "records that DeleteAll has deleted in another process")
}

// deleteAllBeside has clients change each record as fast as they can while another deletes
// all.
func deleteAllBeside(t *tester, while func(t *tester, ids []string, do func())) {
	t = t.isolated()
	for range raceRounds / 5 {
		ids := t.createdFor(newSubject(), 4)
		while(t, ids, func() {
			if _, err := sessionstore.DeleteAll(t.Context(), t.store); err != nil {
				t.Errorf("DeleteAll: %v", err)
			}
			for _, id := range ids {
				if _, err := t.store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
					t.Errorf("Load after DeleteAll: got error %v, want %v", err, sessionstore.ErrNotFound)
				}
			}
		})
		for _, id := range ids {
			t.wantGone(id)
		}
	}
}

// deleteAllUnderCreates has clients create records of one subject while another
// deletes all.
func deleteAllUnderCreates(t *tester) {
	t = t.isolated()
	t.needsSubjects()
	for range raceRounds {
		subject := newSubject()
		ids := t.createdFor(subject, 1)
		var mu sync.Mutex
		var wg sync.WaitGroup
		for range racers {
			wg.Go(func() {
				created := t.createdUnchecked(subject, 3)
				mu.Lock()
				defer mu.Unlock()
				ids = append(ids, created...)
			})
		}
		if _, err := sessionstore.DeleteAll(t.Context(), t.store); err != nil {
			t.Errorf("DeleteAll: %v", err)
		}
		wg.Wait()
		t.wantList(subject, t.living(ids)...)
	}
}

// createdUnchecked is createdFor for goroutines that may not end the case.
func (t *tester) createdUnchecked(subject string, n int) []string {
	ids := make([]string, n)
	for i := range ids {
		r := t.record()
		r.Subject = subject
		ids[i] = t.newID()
		if err := t.store.Create(t.Context(), ids[i], r); err != nil {
			t.Errorf("Create: %v", err)
		}
	}
	return ids
}

// living returns those ids that have a live record.
func (t *tester) living(ids []string) []string {
	t.Helper()
	var live []string
	for _, id := range ids {
		switch _, err := t.store.Load(t.Context(), id); {
		case err == nil:
			live = append(live, id)
		case !errors.Is(err, sessionstore.ErrNotFound):
			t.Fatalf("Load: %v", err)
		}
	}
	return live
}

func deleteAllConcurrently(t *tester) {
	t = t.isolated()
	const enough, most = 200 * time.Millisecond, 100
	begun := time.Now()
	for n := 0; n < 2 || n < most && time.Since(begun) < enough; n++ { // a slow store's calls meet sooner
		var ids []string
		if err := t.createdMany(40, func(*sessionstore.Record) {}, &ids); err != nil {
			t.noSetUp("Create", err)
		}
		var total atomic.Int64
		t.race(func(int, sessionstore.Store) {
			n, err := sessionstore.DeleteAll(t.Context(), t.store)
			if err != nil {
				t.Errorf("DeleteAll: %v", err)
			}
			total.Add(int64(n))
		})
		if got := int(total.Load()); got != len(ids) {
			t.Fatalf("%d calls at the same time report %d records together, want %d", racers, got, len(ids))
		}
		t.wantAllGone(ids)
	}
}
