package conformance

import (
	"cmp"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An expiry is one instant to all methods. A backend that compares it as text in one statement,
// or in an index that has room for few bits, takes a record for dead there that Load finds.

func instantCases() []testCase {
	return []testCase{
		{
			name: "far off, for each method",
			rule: "A record is live until its Expires, to each method, however far off that is: it is found, listed and scanned, Prune leaves it, and it is deleted and counted.",
			run: func(t *tester) {
				for _, at := range []time.Time{
					time.Unix(1<<31, 1), time.Unix(1<<32, 1), // where seconds need more bits
					time.Date(2262, time.April, 11, 23, 47, 15, 0, time.UTC),
				} {
					t.alone().liveToAll(at.UTC())
				}
			},
		},
		{
			name: "in a zone, for each method",
			rule: "Expires is an instant, to each method: a record is live until then in whatever time zone it was written.",
			run: func(t *tester) {
				for _, hours := range []int{-12, 14} { // by the clock on the wall, it is past in one
					t.alone().liveToAll(inAnHour().In(time.FixedZone("", hours*3600)))
				}
			},
		},
		{
			name: "past in a zone, for each method",
			rule: "Expires is an instant, to each method: a record is dead from then on in whatever time zone it was written.",
			run: func(t *tester) {
				for _, hours := range []int{-12, 14} {
					t.deadToAll(time.Millisecond, time.FixedZone("", hours*3600))
				}
			},
		},
		{
			name: "past a whole second, for each method",
			rule: "From its Expires, and the store's precision, a record is as good as absent, to each method: also where that is a whole second, with no fraction to compare.",
			run:  func(t *tester) { t.deadToAll(time.Second, time.UTC) },
		},
		{
			name:  "deleted at the last moment",
			rule:  "A record is live until its Expires, and until then DeleteSubject deletes and counts it: it is not spared because it is as good as over.",
			needs: SubjectIndex,
			run:   deletedAtTheLastMoment,
		},
	}
}

// alone returns a tester on a namespace of its own, if there are such.
func (t *tester) alone() *tester {
	t.Helper()
	if t.Isolated == nil {
		return t
	}
	return t.isolated()
}

// liveToAll gives records this expiry, in each way, and has every method look at them.
func (t *tester) liveToAll(expires time.Time) {
	t.Helper()
	for _, m := range append(moves(), creation()) {
		id, r := t.created()
		when := fmt.Sprintf("a record whose expiry %s to %v", m.how, expires)
		r, err := m.make(t, id, r, expires)
		t.want(nil, err, "a write after which "+m.how+" the expiry to "+expires.String())
		if t.has(Pruner) {
			t.prune(t.store)
			when += ", after a Prune"
		}
		t.wantFoundByAll(id, r, when)
		if t.has(SubjectIndex) {
			t.wantDeleted(r.Subject, 1)
			t.wantGone(id)
		}
	}
	if t.has(AllDeleter) && t.Isolated != nil {
		id, r := t.newID(), t.record()
		r.Expires = expires
		if !t.has(SubjectIndex) {
			t.wantAllDeleted(len(moves()) + 1) // what is there from before
		}
		t.create(id, r)
		t.wantAllDeleted(1)
	}
}

// wantFoundByAll fails the case unless every method takes the record for live.
func (t *tester) wantFoundByAll(id string, r sessionstore.Record, when string) {
	t.Helper()
	got, err := t.store.Load(t.Context(), id)
	t.want(nil, err, "Load of "+when)
	if t.has(SubjectIndex) {
		viewList().want(t, r.Subject, when, id)
		viewList().wantAsLoaded(t, id, when)
	}
	if t.has(Scanner) && t.Isolated != nil {
		viewScan().want(t, r.Subject, when, id)
		viewScan().wantAsLoaded(t, id, when)
	}
	t.want(sessionstore.ErrExists, t.store.Create(t.Context(), id, t.record()), "Create over "+when)
	t.want(sessionstore.ErrConflict, t.store.Update(t.Context(), id, t.version(), t.record()), "Update, of another version, of "+when)
	err = sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
	t.want(sessionstore.ErrConflict, err, "Touch, of another version, of "+when)
	next := t.recordOf(r.Subject)
	next.Expires = r.Expires
	t.want(nil, t.store.Update(t.Context(), id, got.Version, next), "Update of "+when)
	earlier := r.Expires.Add(-10 * time.Minute)
	t.want(nil, sessionstore.Touch(t.Context(), t.store, id, next.Version, earlier), "Touch of "+when)
	t.compareExpires(t.load(id), earlier)
}

// deadToAll gives records an expiry of this unit, written in this zone, in each way, and has
// every method look at one when it has passed.
func (t *tester) deadToAll(unit time.Duration, zone *time.Location) {
	t.Helper()
	t = t.alone()
	var all []seen
	expires := t.withinUnit(unit, shortLife+unit, func(expires time.Time) error {
		all = nil
		for _, m := range append(moves(), creation()) {
			for _, i := range inspections() {
				if i.needs != "" && !t.has(i.needs) {
					continue
				}
				id, r := t.created()
				r, err := m.make(t, id, r, expires.In(zone))
				if err != nil {
					return err
				}
				all = append(all, seen{inspection: i, move: m, id: id, record: r})
			}
		}
		return nil
	})
	t.waitExpired(expires)
	if t.has(Scanner) && t.Isolated != nil {
		t.wantScanned()
	}
	for i := range all {
		s := &all[i]
		t.inspect(s, s.want, "a record whose expiry "+s.how+" to "+expires.In(zone).String()+", "+t.past(expires))
	}
}

// deletedAtTheLastMoment has records that expire in the last nanosecond of a second, so that
// they are over to whoever counts in seconds, or in milliseconds, though they are not.
func deletedAtTheLastMoment(t *tester) {
	const fraction, each = time.Second - 1, 16
	records := make([]sessionstore.Entry, racers*each)
	second := t.withinUnit(time.Second, 2*time.Second, func(second time.Time) error {
		errs := make([]error, racers)
		t.race(func(n int, _ sessionstore.Store) {
			for i := n * each; i < (n+1)*each && errs[n] == nil; i++ {
				r := t.record()
				r.Expires = second.Add(fraction)
				records[i] = sessionstore.Entry{ID: t.newID(), Record: r}
				errs[n] = t.store.Create(t.Context(), records[i].ID, r)
			}
		})
		return cmp.Or(errs...)
	})
	t.sleep(time.Until(second) + time.Millisecond)
	first, rest := records[:racers], records[racers:]
	for _, e := range first {
		if !t.deletedBefore(e) {
			return
		}
	}
	t.sleep(time.Until(second.Add(fraction)) - 3*time.Millisecond)
	t.race(func(n int, _ sessionstore.Store) {
		for n < len(rest) && t.deletedBefore(rest[n]) {
			n += racers
		}
	})
}

// deletedBefore reports whether a record's subject was deleted before the record had expired,
// and all was right. It is for goroutines that may not end the case.
func (t *tester) deletedBefore(e sessionstore.Entry) bool {
	t.Helper()
	n, err := sessionstore.DeleteSubject(t.Context(), t.store, e.Record.Subject)
	_, loaded := t.store.Load(t.Context(), e.ID)
	left := time.Until(e.Record.Expires)
	switch {
	case left <= 0:
		return false
	case err != nil || n != 1:
		t.Errorf("DeleteSubject, %v or more before the only record expires (%s): reports %d (error %v), want 1",
			left, e.Record.Expires.Format(clock), n, err)
		return false
	case !errors.Is(loaded, sessionstore.ErrNotFound):
		t.Errorf("Load after DeleteSubject, %v or more before the record expires: got error %v, want %v",
			left, loaded, sessionstore.ErrNotFound)
		return false
	}
	return true
}
