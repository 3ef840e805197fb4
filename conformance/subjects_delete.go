package conformance

import (
	"slices"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func subjectDeleteCases() []testCase {
	return withNeeds(SubjectIndex, []testCase{
		{
			name: "deletes and counts",
			rule: "DeleteSubject deletes the records of a subject, also those without data, and reports how many.",
			run:  deleteSubject,
		},
		{
			name: "does not count what has expired",
			rule: "DeleteSubject reports how many live records it deleted.",
			run:  deleteSubjectExpired,
		},
		{
			name: "deletes what it was given by update",
			rule: "A record that Update had given to the subject before DeleteSubject is gone afterwards.",
			run:  deleteSubjectUpdated,
		},
		{
			name: "leaves other subjects",
			rule: "DeleteSubject deletes records of that subject only, not what was given away.",
			run:  deleteSubjectForeign,
		},
		{
			name: "leaves similar subjects",
			rule: "DeleteSubject deletes records of that subject only: subjects are compared byte for byte.",
			run:  deleteSubjectSimilar,
		},
		{
			name: "leaves other namespaces",
			rule: "DeleteSubject deletes records of the store's own namespace only.",
			run: func(t *tester) {
				t.apart(func(one, other *tester) {
					subject := newSubject()
					kept := other.createdFor(subject, 1)
					one.createdFor(subject, 1)
					one.wantDeleted(subject, 1)
					other.wantList(subject, kept...)
					other.load(kept[0])
				})
			},
		},
		{
			name: "leaves what took the place of the subject's",
			rule: "DeleteSubject deletes records of that subject only: not one that took the place of a deleted one, or was given to nobody.",
			run:  deleteSubjectReplaced,
		},
		{
			name: "counts what came back once",
			rule: "DeleteSubject reports how many live records it deleted, each once: also one that was given away and back.",
			run: func(t *tester) {
				id, r := t.created()
				for range 2 {
					t.give(id, newSubject())
					t.give(id, r.Subject)
				}
				t.wantDeleted(r.Subject, 1)
			},
		},
		{
			name: "counts at the same time",
			rule: "DeleteSubject reports how many live records it deleted: of several calls at the same time, each counts its own.",
			run:  deleteSubjectConcurrently,
		},
		{
			name: "leaves the list complete",
			rule: "A record that is created, or given to the subject, during DeleteSubject and stays is in the list.",
			run:  deleteSubjectUnderCreates,
		},
		{
			name: "leaves later records",
			rule: "DeleteSubject ends what is there: a record created later is live and listed.",
			run:  deleteSubjectThenCreate,
		},
		{
			name: "deletes under updates",
			rule: "A record whose Create had returned before DeleteSubject is gone afterwards, even if it is updated at the same time.",
			run:  deleteSubjectRace,
		},
		{
			name: "leaves what is given away meanwhile",
			rule: "DeleteSubject deletes records of that subject only: one that Update gives to another meanwhile is deleted before, and Update says so, or lives.",
			run:  deleteSubjectGivenAway,
		},
		{
			name: "delete unknown subject",
			rule: "DeleteSubject of a subject without records deletes none.",
			run:  func(t *tester) { t.wantDeleted(newSubject(), 0) },
		},
		{
			name: "delete refused subject",
			rule: "A subject that CheckSubject refuses gives ErrInvalid from DeleteSubject.",
			run: func(t *tester) {
				for what, subject := range refusedSubjects() {
					_, err := sessionstore.DeleteSubject(t.Context(), t.store, subject)
					t.want(sessionstore.ErrInvalid, err, "DeleteSubject of "+what)
				}
			},
		},
	})
}

// wantDeleted fails the case unless DeleteSubject reports this number.
func (t *tester) wantDeleted(subject string, n int) {
	t.Helper()
	got, err := sessionstore.DeleteSubject(t.Context(), t.store, subject)
	t.want(nil, err, "DeleteSubject")
	if got != n {
		t.Fatalf("DeleteSubject reports %d records, want %d", got, n)
	}
}

func deleteSubject(t *tester) {
	subject := newSubject()
	ids := t.createdFor(subject, 3)
	empty := t.recordOf(subject)
	empty.Data = nil
	ids = append(ids, t.newID())
	t.create(ids[3], empty)
	t.wantDeleted(subject, len(ids))
	for _, id := range ids {
		t.wantGone(id)
	}
}

func deleteSubjectExpired(t *tester) {
	_, r := t.expired()
	live := t.createdFor(r.Subject, 2)
	t.wantDeleted(r.Subject, len(live))
}

func deleteSubjectUpdated(t *tester) {
	somebodys, _ := t.created()
	backAgain, r := t.created()
	t.give(backAgain, "")
	t.give(backAgain, r.Subject)
	for _, id := range []string{somebodys, t.createdForNobody(), backAgain} {
		t.wantDeleted(t.give(id, newSubject()).Subject, 1)
		t.wantGone(id)
	}
}

func deleteSubjectForeign(t *tester) {
	id, r := t.created()
	t.createdFor(r.Subject, 1)
	next := t.record()
	next.Subject = r.Subject + "x"
	t.update(id, r.Version, next)
	t.wantDeleted(r.Subject, 1)
	t.wantLive(id, next.Version)
}

func deleteSubjectSimilar(t *tester) {
	subject, others := similarSubjects()
	for _, other := range others {
		id := t.createdFor(other, 1)[0]
		t.createdFor(subject, 1)
		t.wantDeleted(subject, 1)
		t.load(id)
	}
}

func deleteSubjectReplaced(t *tester) {
	subject := newSubject()
	ids := t.createdFor(subject, 3)
	t.give(ids[0], "")
	for i, to := range []string{"", newSubject()} {
		r := t.record()
		r.Subject = to
		t.remove(ids[1+i])
		t.create(ids[1+i], r)
	}
	t.wantDeleted(subject, 0)
	for _, id := range ids {
		t.load(id)
	}
}

func deleteSubjectConcurrently(t *tester) {
	for range raceRounds / 2 {
		subject := newSubject()
		ids := t.createdFor(subject, racers)
		var total atomic.Int64
		t.race(func(_ int, s sessionstore.Store) {
			n, err := sessionstore.DeleteSubject(t.Context(), s, subject)
			if err != nil {
				t.Errorf("DeleteSubject: %v", err)
			}
			total.Add(int64(n))
		})
		if got := int(total.Load()); got != len(ids) {
			t.Fatalf("%d calls at the same time report %d records together, want %d", racers, got, len(ids))
		}
	}
}

// deleteSubjectUnderCreates has clients who create records of a subject, or give it some,
// while others delete it.
func deleteSubjectUnderCreates(t *tester) {
	for range raceRounds / 2 {
		subject := newSubject()
		nobodys := make([]string, racers)
		for i := range nobodys {
			nobodys[i] = t.createdForNobody()
		}
		ids := make([][]string, racers)
		t.race(func(n int, s sessionstore.Store) {
			if n < 2 {
				if _, err := sessionstore.DeleteSubject(t.Context(), s, subject); err != nil {
					t.Errorf("DeleteSubject: %v", err)
				}
				return
			}
			ids[n] = append(t.createdUnchecked(subject, 2), nobodys[n])
			err := t.loadAndUpdate(s, nobodys[n], func(r *sessionstore.Record) { r.Subject = subject })
			if err := unless(err, sessionstore.ErrNotFound); err != nil {
				t.Errorf("load and update: %v", err)
			}
		})
		t.wantList(subject, t.living(slices.Concat(ids...))...)
		if t.Failed() {
			return
		}
	}
}

func deleteSubjectThenCreate(t *tester) {
	subject := newSubject()
	id := t.createdFor(subject, 1)[0]
	t.wantDeleted(subject, 1)
	r := t.record()
	r.Subject = subject
	t.create(id, r)
	t.wantLive(id, r.Version)
	t.wantList(subject, id)
}

// deleteSubjectRace has one client update each record of a subject as fast as
// it can while another deletes the subject.
func deleteSubjectRace(t *tester) {
	subject := newSubject()
	ids := t.createdFor(subject, 4)
	t.whileUpdated(ids, func() {
		if _, err := sessionstore.DeleteSubject(t.Context(), t.store, subject); err != nil {
			t.Errorf("DeleteSubject: %v", err)
		}
	})
	for _, id := range ids {
		t.wantGone(id)
	}
}

// deleteSubjectGivenAway gives records to others while their subject is deleted. An Update
// that succeeds comes before the deletion, which then has nothing to do with the record.
func deleteSubjectGivenAway(t *tester) {
	for range raceRounds / 2 {
		subject := newSubject()
		ids := t.createdFor(subject, racers)
		given := make([]bool, len(ids))
		t.race(func(n int, s sessionstore.Store) {
			if n == 0 {
				if _, err := sessionstore.DeleteSubject(t.Context(), s, subject); err != nil {
					t.Errorf("DeleteSubject: %v", err)
				}
				return
			}
			err := t.loadAndUpdate(s, ids[n], func(r *sessionstore.Record) { r.Subject = newSubject() })
			if given[n] = err == nil; unless(err, sessionstore.ErrNotFound) != nil {
				t.Errorf("load and update: %v", err)
			}
		})
		for n, id := range ids {
			if _, err := t.store.Load(t.Context(), id); given[n] && err != nil {
				t.Fatalf("Load of a record that Update gave to another subject during DeleteSubject: %v", err)
			}
		}
	}
}
