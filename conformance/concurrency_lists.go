package conformance

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// raceList looks at a list again and again while records come and go in it.
func raceList(t *tester) {
	subject := newSubject()
	stays := t.createdFor(subject, 3)
	var wg sync.WaitGroup
	var stop atomic.Bool
	defer wg.Wait()
	defer stop.Store(true)
	for n := range racers {
		wg.Go(func() {
			for ; !stop.Load(); runtime.Gosched() {
				if err := t.comeAndGoListed(t.handle(n), subject); err != nil {
					t.Errorf("create, update, delete: %v", err)
					return
				}
			}
		})
	}
	for range raceRounds {
		listed := make(map[string]int)
		for _, e := range t.list(subject) {
			listed[e.ID]++
		}
		if t.Failed() {
			return
		}
		for _, id := range stays {
			if listed[id] != 1 {
				t.Fatalf("a record that is live throughout is in the list %d times, want once", listed[id])
			}
		}
	}
}

// comeAndGo creates a record of the subject, gives it away and deletes it.
func (t *tester) comeAndGo(s sessionstore.Store, subject string) error {
	id, r := randomID(), t.record()
	r.Subject = subject
	if err := s.Create(t.Context(), id, r); err != nil {
		return err
	}
	if err := s.Update(t.Context(), id, r.Version, t.record()); err != nil {
		return err
	}
	return s.Delete(t.Context(), id)
}

// comeAndGoListed is comeAndGo, and looks after each write whether the list has heard of
// it, though others read the list at the same time: no answer is older than its question.
func (t *tester) comeAndGoListed(s sessionstore.Store, subject string) error {
	id, r := randomID(), t.record()
	r.Subject = subject
	listed := func(want bool, after string) error {
		list, err := sessionstore.ListSubject(t.Context(), s, subject)
		if has := slices.ContainsFunc(list, func(e sessionstore.Entry) bool { return e.ID == id }); err == nil && has != want {
			err = fmt.Errorf("a list that was asked for after %s: has the record: %v, want %v", after, has, want)
		}
		return err
	}
	if err := s.Create(t.Context(), id, r); err != nil {
		return err
	}
	if err := listed(true, "its Create had returned"); err != nil {
		return err
	}
	if err := s.Update(t.Context(), id, r.Version, t.record()); err != nil {
		return err
	}
	if err := listed(false, "Update had given it away"); err != nil {
		return err
	}
	return s.Delete(t.Context(), id)
}

func raceDeleteSubjectTouch(t *tester) {
	for range raceRounds / 5 {
		subject := newSubject()
		ids := t.createdFor(subject, 4)
		t.beside(len(ids), func(n int) error {
			r, err := t.handle(n).Load(t.Context(), ids[n])
			if err == nil {
				err = sessionstore.Touch(t.Context(), t.handle(n), ids[n], r.Version, r.Expires.Add(time.Minute))
			}
			return unless(err, sessionstore.ErrConflict)
		}, func() {
			if _, err := sessionstore.DeleteSubject(t.Context(), t.store, subject); err != nil {
				t.Errorf("DeleteSubject: %v", err)
			}
			for _, id := range ids {
				if _, err := t.store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
					t.Errorf("Load after DeleteSubject: got error %v, want %v", err, sessionstore.ErrNotFound)
				}
			}
		})
		for _, id := range ids {
			t.wantGone(id)
		}
	}
}

// raceListed has writers who want the record for the same subject, and one who wants it
// for another.
func raceListed(t *tester) {
	for range raceRounds / 2 {
		subject, other := newSubject(), newSubject()
		write := func(n int) sessionstore.Record {
			r := t.record()
			if r.Subject = subject; n == racers-1 {
				r.Subject = other
			}
			return r
		}
		updated, old := t.createdForNobody(), sessionstore.Version(0)
		old = t.load(updated).Version
		created := t.newID()
		t.race(func(n int, s sessionstore.Store) {
			err := errors.Join(
				unless(s.Update(t.Context(), updated, old, write(n)), sessionstore.ErrConflict),
				unless(s.Create(t.Context(), created, write(n)), sessionstore.ErrExists))
			if err != nil {
				t.Errorf("Update or Create: %v", err)
			}
		})
		want := map[string][]string{subject: nil, other: nil}
		for _, id := range []string{updated, created} {
			s := t.load(id).Subject
			want[s] = append(want[s], id)
		}
		for s, ids := range want {
			t.wantList(s, ids...)
		}
		if t.Failed() {
			return
		}
	}
}

// raceEmptied has clients delete the only record of a subject while others create one.
func raceEmptied(t *tester) {
	for range raceRounds {
		var subjects, former, next []string
		for range racers / 2 {
			subjects = append(subjects, newSubject())
			former = append(former, t.createdFor(subjects[len(subjects)-1], 1)[0])
			next = append(next, t.newID())
		}
		t.race(func(n int, s sessionstore.Store) {
			var err error
			if i := n / 2; n%2 == 0 {
				err = s.Delete(t.Context(), former[i])
			} else {
				r := t.record()
				r.Subject = subjects[i]
				err = s.Create(t.Context(), next[i], r)
			}
			if err != nil {
				t.Errorf("create and delete: %v", err)
			}
		})
		for i, subject := range subjects {
			t.wantList(subject, next[i])
		}
		if t.Failed() {
			return
		}
	}
}

// raceTidied has clients who put a record where a dead one of the same subject was, and
// others who come upon the dead one.
func raceTidied(t *tester) {
	expired := t.plantExpiredRecords(raceRounds)
	for _, of := range expired {
		subject := of.Record.Subject
		deleted, given := t.createdFor(subject, 1)[0], t.createdFor(subject, 1)[0]
		t.give(given, "")
		t.remove(deleted)
		t.race(func(n int, s sessionstore.Store) {
			var err error
			switch n {
			case 0, 1:
				r := t.record()
				r.Subject = subject
				err = s.Create(t.Context(), []string{of.ID, deleted}[n], r)
			case 2:
				err = t.loadAndUpdate(s, given, func(r *sessionstore.Record) { r.Subject = subject })
			default:
				if n%2 == 0 && t.has(Pruner) {
					_, err = sessionstore.Prune(t.Context(), s)
				}
				if err == nil {
					_, err = sessionstore.ListSubject(t.Context(), s, subject)
				}
			}
			if err != nil {
				t.Errorf("a call beside others: %v", err)
			}
		})
		for range 2 { // what the first look tidies must not be missed by the second
			t.wantList(subject, of.ID, deleted, given)
		}
		if t.Failed() {
			return
		}
	}
}
