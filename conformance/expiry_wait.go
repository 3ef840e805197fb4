package conformance

import (
	"errors"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// shortLife is the lifetime of a record that a case wants to see expire.
const shortLife = 500 * time.Millisecond

// soon calls write with an expiry in the near future and returns that expiry.
func (t *tester) soon(write func(expires time.Time) error) time.Time {
	t.Helper()
	return t.within(shortLife, write)
}

// within calls do with an expiry after this life and returns that expiry. Where the
// clock has overtaken it before do was done, the machine is too slow for such a life:
// what do has written is removed, and do is called again with twice the life.
func (t *tester) within(life time.Duration, do func(expires time.Time) error) time.Time {
	t.Helper()
	return t.withinUnit(time.Millisecond, life, do)
}

// withinUnit is within with an expiry that has nothing below this unit.
func (t *tester) withinUnit(unit, life time.Duration, do func(expires time.Time) error) time.Time {
	t.Helper()
	for longest := 100 * life; ; life *= 2 {
		undo := t.own.attempt()
		expires := time.Now().Add(life).Truncate(unit).UTC()
		err := do(expires)
		switch {
		case err == nil:
			return expires
		case time.Now().Before(expires) || life > longest:
			t.Fatalf("with an expiry in %v: %v", life, err)
		case !errors.Is(err, sessionstore.ErrInvalid) && !errors.Is(err, sessionstore.ErrNotFound):
			t.Fatalf("with an expiry that has just passed: %v", err)
		}
		undo()
	}
}

// dying creates a record that will expire soon, and calls then while it is
// live; then may be nil, and may be called again as for soon.
func (t *tester) dying(then func(id string, r sessionstore.Record) error) (string, sessionstore.Record) {
	t.Helper()
	var id string
	var r sessionstore.Record
	t.soon(func(expires time.Time) error {
		id, r = t.newID(), t.record()
		r.Expires = expires
		if err := t.store.Create(t.Context(), id, r); err != nil || then == nil {
			return err
		}
		return then(id, r)
	})
	return id, r
}

// expired creates a record and returns when it has expired.
func (t *tester) expired() (string, sessionstore.Record) {
	t.Helper()
	id, r := t.dying(nil)
	t.waitExpired(r.Expires)
	return id, r
}

// waitExpired waits until a record that was written with this expiry has to be
// dead.
func (t *tester) waitExpired(expires time.Time) {
	t.Helper()
	t.sleep(time.Until(expires.Add(t.Precision)) + time.Microsecond)
}

func (t *tester) sleep(d time.Duration) {
	t.Helper()
	t.own.calls.waits(d)
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-t.Context().Done():
		t.Fatalf("interrupted: %v", t.Context().Err())
	}
}

// wantExpires fails the case unless the record under id expires when it was
// asked to, or later within the store's precision.
func (t *tester) wantExpires(id string, asked time.Time) {
	t.Helper()
	t.compareExpires(t.load(id), asked)
}

func (t *tester) compareExpires(got sessionstore.Record, asked time.Time) {
	t.Helper()
	switch late := got.Expires.Sub(asked); {
	case late < 0:
		t.Fatalf("asked for expiry at %v, got %v: %v too early", asked, got.Expires, -late)
	case late > t.Precision:
		t.Fatalf("asked for expiry at %v, got %v: %v late, Harness.Precision is %v", asked, got.Expires, late, t.Precision)
	}
}
