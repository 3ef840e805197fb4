package conformance

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func pruneCases() []testCase {
	return []testCase{
		{
			name:  "removes and counts",
			rule:  "Prune removes expired records, whosever they are and whichever process has written them, and reports how many it removed, each once.",
			needs: Pruner,
			run:   pruneCounts,
		},
		{
			name:  "counts each once",
			rule:  "Prune reports how many records it removed, each once: also those that Update has given to others and back.",
			needs: Pruner,
			run:   pruneCountsGiven,
		},
		{
			name:  "leaves live records",
			rule:  "Prune never removes a live record, whoever's it is and however soon it expires.",
			needs: Pruner,
			run:   pruneLeavesLive,
		},
		{
			name:  "leaves what was prolonged",
			rule:  "Prune goes by the expiry that a record has now: what Update or Touch has prolonged is live, and listed.",
			needs: Pruner,
			run:   pruneLeavesProlonged,
		},
		{
			name:  "leaves what was created anew",
			rule:  "Prune goes by the record that is there now: what was created in place of an expired one is live, and that one is not counted.",
			needs: Pruner,
			run:   pruneLeavesAnew,
		},
		{
			name:  "leaves what is created anew meanwhile",
			rule:  "Prune never removes a live record, also if it takes the place of an expired one while Prune is at work.",
			needs: Pruner,
			run:   pruneBesideCreates,
		},
		{
			name:  "leaves what is being written",
			rule:  "Prune removes what a crash has left behind, and not what others are writing: beside it, Create and Update succeed, and their records live and are listed.",
			needs: Pruner,
			run:   pruneBesideWrites,
		},
		{
			name:  "removes what was brought forward",
			rule:  "Prune goes by the expiry that a record has now: what Update or Touch has brought forward is removed and counted.",
			needs: Pruner,
			run: func(t *tester) {
				t = t.isolated()
				t.eachMovedForward(func(string, string, sessionstore.Record) {})
				if n, want := t.prune(t.store), len(moves()); n != want {
					t.Fatalf("Prune removed %d records, want %d", n, want)
				}
			},
		},
		{
			name:  "leaves other namespaces",
			rule:  "Prune removes and counts records of the store's own namespace only.",
			needs: Pruner,
			run:   pruneForeign,
		},
		{
			name:  "forgets what it has removed",
			rule:  "What Prune has removed is absent: Update and Touch return ErrNotFound, and Create stores a record, also with the version of the old one.",
			needs: Pruner,
			run:   pruneForgets,
		},
		{
			name:  "leaves lists complete",
			rule:  "What Prune tidies is dead: afterwards the lists hold every live record that they held before.",
			needs: Pruner,
			run:   pruneLeavesLists,
		},
		{
			name:  "many at the same time",
			rule:  "Any number of processes may prune at the same time: none fails, and no record is counted twice.",
			needs: Pruner,
			run:   pruneConcurrently,
		},
	}
}

const (
	// prunePlanted is how many expired records a case plants to have them counted.
	prunePlanted = 8

	// pruneRounds is how often a case tries for an exact count: other users of
	// the backend may remove expired records or add some.
	pruneRounds = 5

	// pruneRaces is how often Prune is called beside Create.
	pruneRaces = 3

	// pruneCalls bounds how often Prune, which may leave off after some batches,
	// is called until nothing is left.
	pruneCalls = 10_000
)

// prune calls Prune on s until it removes nothing more, and returns the sum.
func (t *tester) prune(s sessionstore.Store) int {
	total := 0
	for range pruneCalls {
		n, err := sessionstore.Prune(t.Context(), s)
		if err != nil {
			t.Errorf("Prune: %v", err)
			return total
		}
		if n == 0 {
			return total
		}
		total += n
	}
	t.Errorf("Prune still removes records after %d calls that removed %d", pruneCalls, total)
	return total
}

// plantExpired leaves n expired records and returns their ids. They are created
// first and expire together, for a store may remove some at every write.
func (t *tester) plantExpired(n int) []string {
	t.Helper()
	ids := make([]string, n)
	for i, e := range t.plantExpiredRecords(n) {
		ids[i] = e.ID
	}
	return ids
}

// plantExpiredRecords is plantExpired with what was written.
func (t *tester) plantExpiredRecords(n int) []sessionstore.Entry {
	t.Helper()
	return t.plantExpiredOf(n, func(*sessionstore.Record, int) {})
}

// plantExpiredOf is plantExpiredRecords with a change to each.
func (t *tester) plantExpiredOf(n int, change func(r *sessionstore.Record, i int)) []sessionstore.Entry {
	t.Helper()
	planted := make([]sessionstore.Entry, n)
	expires := t.soon(func(expires time.Time) error {
		for i := range planted {
			r := t.record()
			r.Expires = expires
			change(&r, i)
			planted[i] = sessionstore.Entry{ID: t.newID(), Record: r}
			if err := t.store.Create(t.Context(), planted[i].ID, r); err != nil {
				return err
			}
		}
		return nil
	})
	t.waitExpired(expires)
	return planted
}

// wantPruned fails the case unless prune, in one of several rounds, removes as
// many records as were planted.
func (t *tester) wantPruned(prune func() int) {
	t.Helper()
	var got [pruneRounds]int
	for i := range got {
		t.prune(t.store) // what others have left
		t.plantExpiredOf(prunePlanted, func(r *sessionstore.Record, i int) {
			if i%2 == 0 {
				r.Subject = ""
			}
		})
		if got[i] = prune(); got[i] == prunePlanted || t.Failed() {
			return
		}
	}
	t.Fatalf("removed, in %d rounds, %d records, want %d", pruneRounds, got, prunePlanted)
}

// pruneCounts has the peer prune, if there is one, what this process has written.
func pruneCounts(t *tester) {
	t.wantPruned(func() int { return t.prune(t.handle(1)) })
}

func pruneForeign(t *tester) {
	t.apart(func(one, other *tester) {
		expires := t.soon(func(expires time.Time) error {
			for i := range prunePlanted {
				on := []*tester{one, other}[i%2]
				r := on.record()
				r.Expires = expires
				if err := on.store.Create(on.Context(), on.newID(), r); err != nil {
					return err
				}
			}
			return nil
		})
		t.waitExpired(expires)
		n, own := one.prune(one.store), other.prune(other.store)
		if own != prunePlanted/2 || n != prunePlanted/2 && one.store != t.store { // which others use
			t.Fatalf("Prune removed %d and %d records, of %d in each of two namespaces", n, own, prunePlanted/2)
		}
	})
}

func pruneCountsGiven(t *tester) {
	t = t.isolated()
	var got [pruneRounds]int
	for i := range got {
		expires := t.soon(func(expires time.Time) error {
			for range prunePlanted {
				id, r := t.created()
				t.give(id, newSubject())
				old := t.give(id, r.Subject)
				r.Expires, r.Version = expires, t.version()
				if err := t.store.Update(t.Context(), id, old.Version, r); err != nil {
					return err
				}
			}
			return nil
		})
		t.waitExpired(expires)
		if got[i] = t.prune(t.store); got[i] == prunePlanted {
			return
		}
	}
	t.Fatalf("removed, in %d rounds, %d records that had been given away and back, want %d", pruneRounds, got, prunePlanted)
}

func pruneConcurrently(t *tester) {
	t.wantPruned(func() int {
		var total atomic.Int64
		var wg sync.WaitGroup
		for i := range 4 {
			wg.Go(func() { total.Add(int64(t.prune(t.handle(i)))) })
		}
		wg.Wait()
		return int(total.Load())
	})
}

func pruneLeavesLive(t *tester) {
	ids := t.soonToExpire()
	t.plantExpired(1)
	t.prune(t.store)
	t.wantSoonToExpire(ids, "Prune")
}

func pruneLeavesProlonged(t *tester) {
	updated, r := t.dying(func(id string, r sessionstore.Record) error {
		return t.store.Update(t.Context(), id, r.Version, t.record())
	})
	touched, s := t.dying(func(id string, r sessionstore.Record) error {
		return sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
	})
	t.waitExpired(r.Expires)
	t.waitExpired(s.Expires)
	t.prune(t.store)
	t.wantLeftByPrune("what Update has prolonged", updated)
	t.wantLeftByPrune("what Touch has prolonged", touched)
}

func (t *tester) wantLeftByPrune(what, id string) {
	t.Helper()
	got, err := t.store.Load(t.Context(), id)
	t.want(nil, err, "Load of "+what)
	if t.has(SubjectIndex) {
		viewList().want(t, got.Subject, what+", after Prune", id)
	}
}

func pruneLeavesAnew(t *tester) {
	alone := t.Isolated != nil
	if alone {
		t = t.isolated()
	}
	id, _ := t.expired()
	r := t.record()
	t.create(id, r)
	if n := t.prune(t.store); alone && n != 0 {
		t.Fatalf("Prune counts %d records, though Create has replaced the only one that had expired", n)
	}
	t.wantLive(id, r.Version)
}

// pruneBesideWrites makes many writes while others prune all the time.
func pruneBesideWrites(t *tester) {
	t.beside(2, func(n int) error {
		_, err := sessionstore.Prune(t.Context(), t.handle(n))
		return err
	}, func() {
		for range raceRounds {
			t.race(func(_ int, s sessionstore.Store) { t.writeBesidePrune(s) })
			if t.Failed() {
				return
			}
		}
	})
}

func (t *tester) writeBesidePrune(s sessionstore.Store) {
	id, r, next := randomID(), t.record(), t.record()
	t.discard(id)
	err := s.Create(t.Context(), id, r)
	if err == nil {
		err = s.Update(t.Context(), id, r.Version, next)
	}
	got := next
	if err == nil {
		got, err = s.Load(t.Context(), id)
	}
	if err != nil || got.Version != next.Version {
		t.Errorf("Create, Update and Load beside Prune: error %v, version %s, want %s", err, name(got.Version), name(next.Version))
	}
	if err != nil || !t.has(SubjectIndex) {
		return
	}
	list, err := sessionstore.ListSubject(t.Context(), s, next.Subject)
	if err != nil || len(list) != 1 {
		t.Errorf("ListSubject beside Prune, of what has just been written: error %v, %d records, want 1", err, len(list))
	}
}

func pruneForgets(t *tester) {
	of := t.plantExpiredOf(1, func(r *sessionstore.Record, _ int) { r.Data = randomBytes(t.largeBeside()) })[0]
	t.prune(t.store)
	next := of.Record
	next.Data, next.Expires = randomBytes(10), inAnHour()                            // so that what is left of the old one is seen
	for _, version := range []sessionstore.Version{of.Record.Version, t.version()} { // made again, and anew
		next.Version = version
		err := t.store.Update(t.Context(), of.ID, of.Record.Version, next)
		t.want(sessionstore.ErrNotFound, err, "Update of what Prune has removed")
	}
	err := sessionstore.Touch(t.Context(), t.store, of.ID, of.Record.Version, next.Expires)
	t.want(sessionstore.ErrNotFound, err, "Touch of what Prune has removed")
	next.Version = of.Record.Version
	t.want(nil, t.store.Create(t.Context(), of.ID, next), "Create of what Prune has removed")
	t.wantWritten(of.ID, next, "")
}

// pruneBesideCreates replaces expired records while others prune.
func pruneBesideCreates(t *tester) {
	for range pruneRaces {
		planted := t.plantExpiredRecords(2 * prunePlanted)
		records := make([]sessionstore.Record, len(planted))
		var wg sync.WaitGroup
		for i := range 2 {
			wg.Go(func() { t.prune(t.handle(i)) })
		}
		for i, of := range planted {
			wg.Go(func() {
				if records[i] = t.record(); i%3 == 0 {
					records[i].Version = of.Record.Version // made again, long after
				}
				if err := t.handle(i).Create(t.Context(), of.ID, records[i]); err != nil {
					t.Errorf("Create over an expired record: %v", err)
				}
			})
		}
		wg.Wait()
		for i, of := range planted {
			t.wantLive(of.ID, records[i].Version)
		}
	}
}

// pruneLeavesLists has records that were given away and created anew, whose old entries
// in an index may be what Prune tidies.
func pruneLeavesLists(t *tester) {
	t.needsSubjects()
	subject := newSubject()
	id, r := t.created()
	t.give(id, subject)
	t.give(id, r.Subject)
	t.give(id, subject)
	anew, former := t.expired()
	next := t.record()
	next.Subject = former.Subject
	t.create(anew, next)
	for range 2 {
		t.prune(t.store)
		t.wantList(subject, id)
		t.wantList(former.Subject, anew)
	}
}
