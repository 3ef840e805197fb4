package conformance

import (
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// expiryNotSliding reads one record in all ways until it is dead.
func expiryNotSliding(t *tester) {
	for _, m := range append(moves(), move{}) {
		id, how := "", "asked for in Create"
		var asked time.Time
		if m.make == nil {
			var r sessionstore.Record
			id, r = t.dying(nil)
			asked = r.Expires
		} else {
			how = "to which " + m.how + " it"
			asked = t.soon(func(expires time.Time) error {
				var r sessionstore.Record
				id, r = t.created()
				_, err := m.make(t, id, r, expires)
				return err
			})
		}
		first, err := t.store.Load(t.Context(), id)
		for err == nil {
			got, loadErr := t.store.Load(t.Context(), id)
			if err = loadErr; err == nil && !got.Expires.Equal(first.Expires) {
				t.Fatalf("Load returns an expiry of %s, %v before the one %s (%s): reading has moved it",
					got.Expires.Format(clock), time.Until(asked), how, asked.Format(clock))
			}
			if err == nil && t.has(SubjectIndex) {
				t.list(got.Subject)
			}
			t.refusedWrites(id, asked)
			if time.Now().After(asked.Add(t.Precision)) {
				break
			}
			t.sleep(5 * time.Millisecond)
		}
		t.want(nil, unless(err, sessionstore.ErrNotFound), "Load of a record that is about to expire")
		t.waitExpired(asked)
		if r, err := t.store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Fatalf("Load returns a record until %s (error %v), %s: reading has prolonged it",
				r.Expires.Format(clock), err, t.past(asked))
		}
	}
}

// refusedWrites makes writes that are refused. Should the record have expired, what Create
// puts in its place does so at once.
func (t *tester) refusedWrites(id string, expires time.Time) {
	r := t.record()
	r.Expires = expires
	_ = t.store.Create(t.Context(), id, r) // other cases check that these fail
	_ = t.store.Update(t.Context(), id, t.version(), t.record())
	_ = sessionstore.Touch(t.Context(), t.store, id, t.version(), inAnHour())
}

// expiryNotEarlyScan scans as fast as it can until a record is dead, as expiryNotEarly does.
func expiryNotEarlyScan(t *tester) {
	t = t.isolated()
	var id string
	soon := t.soon(func(expires time.Time) error {
		var r sessionstore.Record
		id, r = t.newID(), t.record()
		r.Expires = expires.Add(999_999 * time.Nanosecond)
		return t.store.Create(t.Context(), id, r)
	}).Add(999_999 * time.Nanosecond)
	t.sleep(time.Until(soon) - 3*time.Millisecond)
	for {
		found, _ := t.scan()
		left := time.Until(soon)
		if left <= 0 {
			return
		}
		if _, ok := found[id]; !ok {
			t.Fatalf("Scan, %v or more before the expiry of a record, does not yield it", left)
		}
		t.sleep(10 * time.Microsecond)
	}
}

func expiryNotSlidingScan(t *tester) {
	t = t.isolated()
	id, r := t.dying(nil)
	for time.Now().Before(r.Expires) {
		for e, err := range sessionstore.Scan(t.Context(), t.store) {
			t.want(nil, err, "Scan")
			t.compareExpires(e.Record, r.Expires)
		}
		t.sleep(5 * time.Millisecond)
	}
	t.waitExpired(r.Expires)
	t.wantGone(id)
}

// expiryNotSwept writes a good deal beside records that have little time left.
func expiryNotSwept(t *tester) {
	const writes = 15
	ids := t.soonToExpire()
	for range writes {
		id, r := t.created()
		t.update(id, r.Version, t.record())
		t.remove(id)
	}
	t.wantSoonToExpire(ids, "writes of others")
}

// soonToExpire returns new records that have little time left, or nobody's, or both, with
// their expiry.
func (t *tester) soonToExpire() map[string]sessionstore.Record {
	t.Helper()
	left := make(map[string]sessionstore.Record)
	for _, life := range []time.Duration{5 * time.Second, 30 * time.Second, 5 * time.Minute, time.Hour, 3 * day, 400 * day} {
		for _, subject := range []string{"", newSubject()} {
			var id string
			r := t.record()
			r.Subject = subject
			t.within(life, func(expires time.Time) error {
				id, r.Expires = t.newID(), expires
				return t.store.Create(t.Context(), id, r)
			})
			left[id] = r
		}
	}
	for _, m := range moves() {
		var id string
		var r sessionstore.Record
		t.within(20*time.Second, func(expires time.Time) (err error) {
			id, r = t.created()
			r, err = m.make(t, id, r, expires)
			return err
		})
		left[id] = r
	}
	signedOut, _ := t.created()
	left[signedOut] = t.give(signedOut, "")
	empty, r := t.newID(), t.record()
	r.Subject, r.Data = "", nil
	t.create(empty, r)
	left[empty] = r
	return left
}

// wantSoonToExpire fails the case unless those are live that have time left.
func (t *tester) wantSoonToExpire(ids map[string]sessionstore.Record, after string) {
	t.Helper()
	for id, r := range ids {
		_, err := t.store.Load(t.Context(), id)
		if left := time.Until(r.Expires); err != nil && left > 0 {
			t.Errorf("after %s, Load of a record of %s, %v before its expiry (%s): %v",
				after, whose(r.Subject), left, r.Expires.Format(clock), err)
		}
	}
}
