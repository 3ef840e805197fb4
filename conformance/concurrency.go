package conformance

import (
	"errors"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	racers     = 8
	raceRounds = 10
)

func concurrencyCases() []testCase {
	return []testCase{
		{
			name: "one create wins",
			rule: "Of several concurrent calls of Create under one id, one succeeds and the others return ErrExists.",
			run:  raceCreate,
		},
		{
			name: "one update wins",
			rule: "Of several concurrent calls of Update with the same old version, one succeeds and the others return ErrConflict, which is not ErrRepeated: no answer was lost.",
			run:  raceUpdate,
		},
		{
			name: "read beside a write",
			rule: "Once Update or Delete has returned, no Load that starts later returns what was there before, whatever slow calls of Load do.",
			run:  raceRead,
		},
		{
			name: "one expiry",
			rule: "Of several expiries that are written at the same time one stands, for every method: what Load finds past the others is listed, and Prune leaves it.",
			run:  raceExpires,
		},
		{
			name: "large records are whole",
			rule: "All methods are safe for concurrent use: a Load finds all of what one write has written, also where a backend keeps it in parts.",
			run:  raceLarge,
		},
		{
			name: "no update is lost",
			rule: "Clients that load, change and update, and begin again after ErrConflict, lose none of their changes.",
			run:  raceCounter,
		},
		{
			name: "deleted under updates",
			rule: "Once Delete has returned, no Load that starts later finds the record, whatever slow updates do.",
			run:  raceDelete,
		},
		{
			name:  "deleted under touches",
			rule:  "Once Delete has returned, no Load that starts later finds the record, whatever slow calls of Touch do.",
			needs: Toucher,
			run:   raceDeleteTouch,
		},
		{
			name:  "subject deleted under touches",
			rule:  "A record whose Create had returned before DeleteSubject is gone afterwards, even if it is touched at the same time.",
			needs: SubjectIndex,
			run:   raceDeleteSubjectTouch,
		},
		{
			name: "one create wins over an expired record",
			rule: "Of several concurrent calls of Create over an expired record, one succeeds and the others return ErrExists.",
			run:  raceCreateExpired,
		},
		{
			name: "the successor of an expired record lives",
			rule: "Whoever finds an expired record may remove it, but never the one that Create has put in its place meanwhile.",
			run:  raceSuccessor,
		},
		{
			name:  "the winner is listed",
			rule:  "ListSubject is complete: of several concurrent writes with the same old version, or of several calls of Create, what the others undo leaves the winner in the list.",
			needs: SubjectIndex,
			run:   raceListed,
		},
		{
			name:  "listed where a list was empty",
			rule:  "ListSubject is complete: what is created while the last record of the subject is deleted is in the list.",
			needs: SubjectIndex,
			run:   raceEmptied,
		},
		{
			name:  "listed where another was",
			rule:  "ListSubject is complete: a record that took the place of one that had been deleted, had expired or was given away is in the list, whoever tidied meanwhile.",
			needs: SubjectIndex,
			run:   raceTidied,
		},
		{
			name: "one order",
			rule: "All methods are safe for concurrent use: the answers are those of one order of the calls.",
			run: func(t *tester) {
				raceHistory(t, []string{"Load", "Create", "Create", "Update", "Update", "Update", "Delete"})
			},
		},
		{
			name:  "one order with touch",
			rule:  "Touch is safe for concurrent use: it disturbs no other call and is disturbed by none.",
			needs: Toucher,
			run: func(t *tester) {
				raceHistory(t, []string{"Load", "Create", "Create", "Update", "Update", "Update", "Touch", "Delete"})
			},
		},
		{
			name:  "touched under an update",
			rule:  "Of an Update and calls of Touch with the same version at the same time, the Update's expiry stands.",
			needs: Toucher,
			run:   raceTouch,
		},
		{
			name:  "listed under writes",
			rule:  "ListSubject is complete: a record that is live throughout is in the list while others come and go, and no list is older than its question.",
			needs: SubjectIndex,
			run:   raceList,
		},
	}
}

// handle returns the store, or at every other n its peer if there is one.
func (s *suite) handle(n int) sessionstore.Store {
	if n%2 == 1 && s.peer != nil {
		return s.peer
	}
	return s.store
}

// race calls do from many goroutines at the same time, with the handle that
// each is to use.
func (t *tester) race(do func(n int, s sessionstore.Store)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for n := range racers {
		wg.Go(func() {
			<-start
			do(n, t.handle(n))
		})
	}
	close(start)
	wg.Wait()
}

// wantOneWinner fails the case unless write succeeds for one racer and gives
// lost to the others.
func (t *tester) wantOneWinner(lost error, write func(s sessionstore.Store) error) {
	t.Helper()
	var won atomic.Int32
	t.race(func(_ int, s sessionstore.Store) {
		switch err := write(s); {
		case err == nil:
			won.Add(1)
		case !errors.Is(err, lost):
			t.Errorf("got error %v, want %v", err, lost)
		}
	})
	if won.Load() != 1 {
		t.Errorf("%d of %d calls succeeded, want 1", won.Load(), racers)
	}
}

func raceCreate(t *tester) {
	for range raceRounds {
		id := t.newID()
		t.wantOneWinner(sessionstore.ErrExists, func(s sessionstore.Store) error {
			return s.Create(t.Context(), id, t.record())
		})
	}
}

// raceUpdate takes ErrRepeated for true in some rounds: an answer may have been lost.
func raceUpdate(t *tester) {
	repeated := 0
	for range raceRounds {
		id, r := t.created()
		var said atomic.Bool
		t.wantOneWinner(sessionstore.ErrConflict, func(s sessionstore.Store) error {
			err := s.Update(t.Context(), id, r.Version, t.record())
			if errors.Is(err, sessionstore.ErrRepeated) {
				said.Store(true)
			}
			return err
		})
		if said.Load() {
			repeated++
		}
	}
	if repeated == raceRounds {
		t.Errorf("in each of %d rounds, a call that lost to another returned ErrRepeated: that is for a call whose answer was lost",
			repeated)
	}
}

func raceTouch(t *tester) {
	for range raceRounds {
		id, r := t.created()
		next := t.record()
		next.Expires = r.Expires.Add(2 * time.Hour)
		t.race(func(n int, s sessionstore.Store) {
			if n == 0 {
				if err := s.Update(t.Context(), id, r.Version, next); err != nil {
					t.Errorf("Update beside calls of Touch: %v", err)
				}
				return
			}
			err := sessionstore.Touch(t.Context(), s, id, r.Version, r.Expires.Add(time.Hour))
			if err != nil && !errors.Is(err, sessionstore.ErrConflict) {
				t.Errorf("Touch beside an Update: got error %v, want none or %v", err, sessionstore.ErrConflict)
			}
		})
		t.wantExpires(id, next.Expires)
	}
}

// raceCounter counts in the length of the data.
func raceCounter(t *tester) {
	const each = 5
	id, r := t.newID(), t.record()
	r.Data = []byte("|")
	t.create(id, r)
	var conflicts atomic.Int32
	t.race(func(_ int, s sessionstore.Store) {
		for done := 0; done < each; {
			err := t.loadAndUpdate(s, id, func(r *sessionstore.Record) { r.Data = append(r.Data, '+') })
			switch {
			case err == nil:
				done++
			case !errors.Is(err, sessionstore.ErrConflict):
				t.Errorf("load and update: got error %v", err)
				return
			case conflicts.Add(1) > racers*racers*each:
				t.Errorf("Update has returned ErrConflict %d times beside %d changes: more often than others can have written",
					conflicts.Load(), racers*each)
				return
			}
		}
	})
	if got := len(t.load(id).Data) - len(r.Data); got != racers*each {
		t.Fatalf("%d of %d changes are there", got, racers*each)
	}
}

// loadAndUpdate is what a request does.
func (t *tester) loadAndUpdate(s sessionstore.Store, id string, change func(*sessionstore.Record)) error {
	r, err := s.Load(t.Context(), id)
	if err != nil {
		return err
	}
	old := r.Version
	r.Version = t.version()
	change(&r)
	return s.Update(t.Context(), id, old, r)
}

// whileUpdated calls do while other clients update the records as fast as they
// can, and returns when they have stopped. Each has succeeded before, or seen
// another one succeed: in lockstep the same one always wins. After each call they give
// others a turn, as a network would: with a store in memory, do would wait long for one.
func (t *tester) whileUpdated(ids []string, do func()) {
	t.whileChanged(ids, func(*sessionstore.Record) {}, do)
}

// whileGiven is whileUpdated, and each Update gives the record to one of a few subjects, or
// to nobody.
func (t *tester) whileGiven(ids []string, do func()) {
	subjects := []string{newSubject(), "", newSubject(), newSubject()}
	t.whileChanged(ids, func(r *sessionstore.Record) {
		r.Subject = subjects[rand.IntN(len(subjects))] //nolint:gosec // a mixture, no secret
	}, do)
}

func (t *tester) whileChanged(ids []string, change func(*sessionstore.Record), do func()) {
	var started, stopped sync.WaitGroup
	var stop atomic.Bool
	defer stopped.Wait()
	defer stop.Store(true)
	for n, id := range ids {
		started.Add(1)
		once := sync.OnceFunc(started.Done)
		stopped.Go(func() {
			defer once()
			for ; !stop.Load(); runtime.Gosched() {
				err := t.loadAndUpdate(t.handle(n), id, change)
				switch {
				case err == nil, errors.Is(err, sessionstore.ErrConflict):
					once()
				case errors.Is(err, sessionstore.ErrNotFound):
					return
				default:
					t.Errorf("load and update: %v", err)
					return
				}
			}
		})
	}
	started.Wait()
	do()
}

func raceDelete(t *tester) {
	for range raceRounds {
		id, _ := t.created()
		t.whileUpdated([]string{id, id, id}, func() {
			t.remove(id)
			t.wantGone(id)
		})
		t.wantGone(id)
	}
}

// raceHistory records several histories, each of many clients on one record,
// and judges them.
func raceHistory(t *tester, methods []string) {
	histories := make([]*recorder, historyRecords)
	var wg sync.WaitGroup
	for i := range histories {
		h := &recorder{tester: t, id: t.newID()}
		histories[i] = h
		wg.Go(func() {
			first := command{method: "Create", new: t.version()}
			h.do(0, t.store, first)
			var clients sync.WaitGroup
			for n := range historyClients {
				clients.Go(func() { h.client(n, t.handle(n), methods, first.new) })
			}
			clients.Wait()
		})
	}
	wg.Wait()
	t.checkHistories(histories, checkLimit)
}

func raceDeleteTouch(t *tester) {
	for range raceRounds / 2 {
		id, r := t.created()
		t.beside(3, func(n int) error {
			return sessionstore.Touch(t.Context(), t.handle(n), id, r.Version, r.Expires.Add(time.Hour))
		}, func() {
			t.remove(id)
			t.wantGone(id)
		})
		t.wantGone(id)
	}
}

func raceCreateExpired(t *tester) {
	for _, id := range t.plantExpired(raceRounds) {
		t.wantOneWinner(sessionstore.ErrExists, func(s sessionstore.Store) error {
			return s.Create(t.Context(), id, t.record())
		})
	}
}

// raceSuccessor has all methods that may come upon an expired record beside one Create.
func raceSuccessor(t *tester) {
	for round, of := range t.plantExpiredRecords(2 * raceRounds) {
		next := t.record()
		t.race(func(n int, s sessionstore.Store) {
			var err error
			switch n {
			case 0:
				if err = s.Create(t.Context(), of.ID, next); err != nil {
					t.Errorf("Create over an expired record: %v", err)
				}
			case 1, 2:
				_, _ = s.Load(t.Context(), of.ID) // other cases check what they return
			case 3:
				_ = s.Update(t.Context(), of.ID, of.Record.Version, t.record())
			case 4:
				_ = sessionstore.Touch(t.Context(), s, of.ID, of.Record.Version, inAnHour())
			case 5:
				_, _ = sessionstore.ListSubject(t.Context(), s, of.Record.Subject)
			case 6:
				_, _ = sessionstore.DeleteSubject(t.Context(), s, of.Record.Subject)
			case 7:
				if round%5 == 0 { // it goes through what other cases have, too
					_ = scanned(sessionstore.Scan(t.Context(), s))
				}
			}
		})
		got, err := t.store.Load(t.Context(), of.ID)
		if err != nil || got.Version != next.Version {
			t.Fatalf("Load of what was created over an expired record, while others looked at it: version %s, error %v, want version %s",
				name(got.Version), err, name(next.Version))
		}
		if t.has(SubjectIndex) {
			t.wantList(next.Subject, of.ID)
		}
	}
}
