package conformance

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// What counts is the expiry that a record has now: where Update or Touch has moved it,
// every method goes by the new one.

func movedCases() []testCase {
	return []testCase{
		{
			name: "moved forward, for create",
			rule: "Where Update or Touch has brought the expiry forward and it has passed, Create replaces the record.",
			run: func(t *tester) {
				t.eachMovedForward(func(id string, how string, _ sessionstore.Record) {
					r := t.record()
					t.want(nil, t.store.Create(t.Context(), id, r), "Create over a record whose expiry "+how)
					t.wantLive(id, r.Version)
				})
			},
		},
		{
			name: "moved forward, for update and touch",
			rule: "Where Update or Touch has brought the expiry forward and it has passed, Update and Touch return ErrNotFound.",
			run: func(t *tester) {
				t.eachMovedForward(func(id string, how string, r sessionstore.Record) {
					err := t.store.Update(t.Context(), id, r.Version, t.record())
					t.want(sessionstore.ErrNotFound, err, "Update of a record whose expiry "+how)
					again := t.record()
					again.Version = r.Version
					err = t.store.Update(t.Context(), id, t.version(), again)
					t.want(sessionstore.ErrNotFound, err, "Update, with r.Version stored already, of a record whose expiry "+how)
					err = sessionstore.Touch(t.Context(), t.store, id, r.Version, inAnHour())
					t.want(sessionstore.ErrNotFound, err, "Touch of a record whose expiry "+how)
					t.wantGone(id)
				})
			},
		},
		{
			name:  "moved forward, for a list",
			rule:  "Where Update or Touch has brought the expiry forward and it has passed, ListSubject does not list the record and DeleteSubject does not count it.",
			needs: SubjectIndex,
			run: func(t *tester) {
				t.eachMovedForward(func(_ string, _ string, r sessionstore.Record) {
					t.wantList(r.Subject)
					t.wantDeleted(r.Subject, 0)
				})
			},
		},
		{
			name:  "moved forward, for a scan",
			rule:  "Where Update or Touch has brought the expiry forward and it has passed, Scan does not yield the record.",
			needs: Scanner,
			run: func(t *tester) {
				t = t.isolated()
				t.eachMovedForward(func(string, string, sessionstore.Record) { t.wantScanned() })
			},
		},
		{
			name:  "moved forward, for the deletion of all",
			rule:  "Where Update or Touch has brought the expiry forward and it has passed, DeleteAll does not count the record.",
			needs: AllDeleter,
			run: func(t *tester) {
				t = t.isolated()
				t.eachMovedForward(func(string, string, sessionstore.Record) {})
				t.wantAllDeleted(0)
			},
		},
		{
			name: "moved back, for create",
			rule: "Where Update or Touch has put the expiry off, Create returns ErrExists past the old one.",
			run: func(t *tester) {
				t.eachMovedBack(func(id string, how string, r sessionstore.Record) {
					err := t.store.Create(t.Context(), id, t.record())
					t.want(sessionstore.ErrExists, err, "Create over a record whose expiry "+how)
					t.wantLive(id, r.Version)
				})
			},
		},
		{
			name: "moved back, for update and touch",
			rule: "Where Update or Touch has put the expiry off, Update and Touch succeed past the old one.",
			run: func(t *tester) {
				t.eachMovedBack(func(id string, how string, r sessionstore.Record) {
					next := t.record()
					t.want(nil, t.store.Update(t.Context(), id, r.Version, next), "Update of a record whose expiry "+how)
					err := sessionstore.Touch(t.Context(), t.store, id, next.Version, inAnHour().Add(time.Minute))
					t.want(nil, err, "Touch of a record whose expiry "+how)
				})
			},
		},
		{
			name:  "moved back, for a list",
			rule:  "Where Update or Touch has put the expiry off, ListSubject lists the record past the old one, and DeleteSubject deletes and counts it.",
			needs: SubjectIndex,
			run: func(t *tester) {
				t.eachMovedBack(func(id string, _ string, r sessionstore.Record) {
					t.wantList(r.Subject, id)
					t.wantDeleted(r.Subject, 1)
					t.wantGone(id)
				})
			},
		},
		{
			name:  "moved back, for a scan",
			rule:  "Where Update or Touch has put the expiry off, Scan yields the record past the old one.",
			needs: Scanner,
			run: func(t *tester) {
				t = t.isolated()
				var ids []string
				t.eachMovedBack(func(id string, _ string, _ sessionstore.Record) { ids = append(ids, id) })
				t.wantScanned(ids...)
			},
		},
		{
			name:  "moved back, for the deletion of all",
			rule:  "Where Update or Touch has put the expiry off, DeleteAll deletes and counts the record past the old one.",
			needs: AllDeleter,
			run: func(t *tester) {
				t = t.isolated()
				var ids []string
				t.eachMovedBack(func(id string, _ string, _ sessionstore.Record) { ids = append(ids, id) })
				t.wantAllDeleted(len(ids))
				t.wantAllGone(ids)
			},
		},
		{
			name: "none is early",
			rule: "A record is live until its Expires, to the fraction of a millisecond, for each method: a backend that keeps time in coarser units rounds up.",
			run:  expiryNotEarly,
		},
		{
			name:  "none is early in a scan",
			rule:  "Scan is complete: it yields a record until its Expires, to the fraction of a millisecond.",
			needs: Scanner,
			run:   expiryNotEarlyScan,
		},
		{
			name: "none slides",
			rule: "Load and ListSubject only read, and what Create, Update and Touch refuse changes nothing: a record has the same expiry all the time until it dies then.",
			run:  expiryNotSliding,
		},
		{
			name:  "none slides in a scan",
			rule:  "Scan only reads: a record that is scanned until its end has the same expiry all the time, and dies then.",
			needs: Scanner,
			run:   expiryNotSlidingScan,
		},
		{
			name: "none is swept early",
			rule: "Background deletion only tidies: other writes remove no live record, whoever's it is and however soon it expires.",
			run:  expiryNotSwept,
		},
	}
}

// A move is a way to give a record another expiry.
type move struct {
	how  string
	make func(t *tester, id string, r sessionstore.Record, expires time.Time) (sessionstore.Record, error)
}

func moves() []move {
	return []move{
		{"Update has moved", func(t *tester, id string, r sessionstore.Record, expires time.Time) (sessionstore.Record, error) {
			next := t.record()
			next.Subject, next.Expires = r.Subject, expires
			return next, t.store.Update(t.Context(), id, r.Version, next)
		}},
		{"Touch has moved", func(t *tester, id string, r sessionstore.Record, expires time.Time) (sessionstore.Record, error) {
			err := sessionstore.Touch(t.Context(), t.store, id, r.Version, expires)
			if err == nil && !t.has(Toucher) {
				r, err = t.store.Load(t.Context(), id) // the fallback changes the version
			}
			r.Expires = expires
			return r, err
		}},
	}
}

// creation is a move that puts another record in the place of the one that is there.
func creation() move {
	return move{"Create has set", func(t *tester, id string, r sessionstore.Record, expires time.Time) (sessionstore.Record, error) {
		t.remove(id)
		r.Expires = expires
		return r, t.store.Create(t.Context(), id, r)
	}}
}

// eachMovedForward calls judge for records that would be live by an expiry they no longer
// have, with what was done to it.
func (t *tester) eachMovedForward(judge func(id, how string, r sessionstore.Record)) {
	t.Helper()
	var ids []string
	var records []sessionstore.Record
	expires := t.soon(func(expires time.Time) error {
		ids, records = nil, nil
		for _, m := range moves() {
			id, r := t.created()
			ids = append(ids, id)
			r, err := m.make(t, id, r, expires)
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	t.waitExpired(expires)
	for i, m := range moves() {
		judge(ids[i], m.how+" forward, "+t.past(expires), records[i])
	}
}

// eachMovedBack calls judge for records that would be dead by an expiry they no longer have.
func (t *tester) eachMovedBack(judge func(id, how string, r sessionstore.Record)) {
	t.Helper()
	var ids []string
	var records []sessionstore.Record
	first := t.soon(func(expires time.Time) error {
		ids, records = nil, nil
		for _, m := range moves() {
			id, r := t.newID(), t.record()
			r.Expires = expires
			ids = append(ids, id)
			if err := t.store.Create(t.Context(), id, r); err != nil {
				return err
			}
			r, err := m.make(t, id, r, inAnHour())
			if err != nil {
				return err
			}
			records = append(records, r)
		}
		return nil
	})
	t.waitExpired(first)
	for i, m := range moves() {
		judge(ids[i], m.how+" back by an hour, "+t.past(first), records[i])
	}
}

// past says how long ago an expiry was.
func (t *tester) past(expires time.Time) string {
	return time.Since(expires).Round(time.Microsecond).String() + " after " + expires.UTC().Format(clock) +
		" (Harness.Precision is " + t.Precision.String() + ")"
}

// expiryNotEarly asks for records of every origin as fast as it can until they are dead. The
// clock is read when a call has returned: a record that is not found then, and whose expiry
// is still to come, has died early.
func expiryNotEarly(t *tester) {
	const fraction = 999_999 * time.Nanosecond // of the millisecond in which they expire
	var wg sync.WaitGroup
	for i := range racers {
		wg.Go(func() {
			for range 3 {
				if !t.watchedToItsEnd(i, fraction) || t.Failed() {
					return
				}
			}
		})
	}
	wg.Wait()
}

// watchedToItsEnd reports whether a record was live to its end. It is for goroutines that
// may not end the case.
func (t *tester) watchedToItsEnd(origin int, fraction time.Duration) bool {
	id, r := t.newID(), t.record()
	soon := time.Now().Add(shortLife/2 + time.Duration(origin)*3*time.Millisecond).Truncate(time.Millisecond).Add(fraction).UTC()
	how := "asked for in Create"
	if origin %= 3; origin == 0 {
		r.Expires = soon
	}
	err := t.store.Create(t.Context(), id, r)
	if ways := moves(); err == nil && origin > 0 {
		how = "that " + ways[origin-1].how
		r, err = ways[origin-1].make(t, id, r, soon)
	}
	if err != nil {
		if time.Now().Before(soon) {
			t.Errorf("set-up failed: a record that expires in a moment: %v", err)
		}
		return false // the machine is too slow
	}
	t.rest(time.Until(soon) - 3*time.Millisecond)
	for call := origin; ; call++ {
		what, err := t.stillLive(call, id, &r, soon)
		left := time.Until(soon)
		if left <= 0 {
			return true
		}
		if err != nil {
			t.Errorf("%s, %v or more before the expiry %s (%s): %v", what, left, how, soon.Format(clock), err)
			return false
		}
	}
}

// stillLive makes one of the calls that tell a live record from none and leave its expiry.
// It returns an error if the record is not there.
func (t *tester) stillLive(call int, id string, r *sessionstore.Record, expires time.Time) (string, error) {
	refused := func(what string, err, want error) (string, error) {
		if errors.Is(err, want) {
			return what, nil
		}
		return what, fmt.Errorf("got error %w, want %w", err, want)
	}
	switch call %= 8; {
	case call == 0:
		return refused("Create", t.store.Create(t.Context(), id, t.record()), sessionstore.ErrExists)
	case call == 1:
		err := t.store.Update(t.Context(), id, t.version(), t.record())
		return refused("Update with another version", err, sessionstore.ErrConflict)
	case call == 2:
		err := sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
		return refused("Touch with another version", err, sessionstore.ErrConflict)
	case call == 3 && t.has(SubjectIndex):
		list, err := sessionstore.ListSubject(t.Context(), t.store, r.Subject)
		if err == nil && len(list) != 1 {
			err = fmt.Errorf("%d records, want 1", len(list))
		}
		return "ListSubject", err
	case call == 4:
		old := r.Version
		r.Version, r.Expires = t.version(), expires
		return "Update", t.store.Update(t.Context(), id, old, *r)
	case call == 5 && t.has(Toucher):
		return "Touch", sessionstore.Touch(t.Context(), t.store, id, r.Version, expires)
	}
	_, err := t.store.Load(t.Context(), id)
	return "Load", err
}

// rest waits without ending the case.
func (t *tester) rest(d time.Duration) {
	t.own.calls.waits(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
	}
}
