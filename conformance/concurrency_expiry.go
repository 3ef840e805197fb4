package conformance

import (
	"cmp"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// raceRead has a few clients load a record while another writes it. It looks when all have
// their answers, for a slow Load may have put what it read where later ones look. Among many
// there would be one that puts the right record there after it.
func raceRead(t *tester) {
	for round := range raceRounds {
		id, r := t.created()
		readers := 1 + round%3
		next := t.record()
		t.readBeside(id, readers, "Update", func() error { return t.store.Update(t.Context(), id, r.Version, next) })
		for n := range 2 {
			if got, err := t.handle(n).Load(t.Context(), id); err != nil || got.Version != next.Version {
				t.Fatalf("Load after an Update beside other calls of Load: version %s, error %v, want version %s",
					name(got.Version), err, name(next.Version))
			}
		}
		t.readBeside(id, readers, "Delete", func() error { return t.store.Delete(t.Context(), id) })
		for n := range 2 {
			_, err := t.handle(n).Load(t.Context(), id)
			t.want(sessionstore.ErrNotFound, err, "Load after a Delete beside other calls of Load")
		}
	}
}

// readBeside makes a write while some clients load the record.
func (t *tester) readBeside(id string, readers int, call string, write func() error) {
	t.Helper()
	t.race(func(n int, s sessionstore.Store) {
		switch {
		case n == 0:
			if err := write(); err != nil {
				t.Errorf("%s beside calls of Load: %v", call, err)
			}
		case n <= readers:
			_, _ = s.Load(t.Context(), id) // it is before the write or after it
		}
	})
}

// raceExpires has clients give records short lives and long ones at the same time. It does
// not matter which expiry stands, but every method has to go by it.
func raceExpires(t *tester) {
	var stands []sessionstore.Entry
	expires := t.soon(func(expires time.Time) error {
		stands = nil
		for range raceRounds {
			id, r := t.created()
			err := t.raceExpiry(id, r, expires)
			if err == nil {
				r, err = t.store.Load(t.Context(), id)
			}
			if err != nil {
				return err
			}
			stands = append(stands, sessionstore.Entry{ID: id, Record: r})
		}
		return nil
	})
	t.waitExpired(expires)
	for _, pruned := range []bool{false, true} {
		if pruned && t.has(Pruner) {
			t.prune(t.store)
		}
		for _, e := range stands {
			want, listed := sessionstore.ErrNotFound, []string(nil)
			if time.Now().Before(e.Record.Expires) {
				want, listed = nil, []string{e.ID}
			}
			_, err := t.store.Load(t.Context(), e.ID)
			t.want(want, err, "Load of a record that was given several expiries at the same time, of which one that has passed")
			if t.has(SubjectIndex) {
				viewList().want(t, e.Record.Subject, "given several expiries at the same time", listed...)
			}
		}
	}
}

// raceExpiry has some clients write that a record expires then, and others much later.
func (t *tester) raceExpiry(id string, r sessionstore.Record, expires time.Time) error {
	var mu sync.Mutex
	var failed error
	t.race(func(n int, s sessionstore.Store) {
		at := expires
		if n%4 < 2 {
			at = inAnHour().Add(time.Duration(n) * time.Minute)
		}
		var err error
		if n < racers/2 {
			err = sessionstore.Touch(t.Context(), s, id, r.Version, at)
		} else {
			next := t.recordOf(r.Subject)
			next.Expires = at
			err = s.Update(t.Context(), id, r.Version, next)
		}
		mu.Lock()
		defer mu.Unlock()
		failed = cmp.Or(failed, unless(err, sessionstore.ErrConflict))
	})
	return failed
}
