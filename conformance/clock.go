package conformance

import (
	"time"
)

const day = 24 * time.Hour

func clockCases() []testCase {
	return []testCase{
		{
			name: "UTC",
			rule: "Load returns Expires in UTC.",
			run:  clockUTC,
		},
		{
			name: "time zones",
			rule: "Expires is an instant: the time zone in which it is written does not matter.",
			run:  clockZones,
		},
		lifetimeCase("one minute", time.Minute),
		lifetimeCase("thirty days less a second", 30*day-time.Second),
		lifetimeCase("thirty days", 30*day),
		lifetimeCase("thirty days and a second", 30*day+time.Second),
		lifetimeCase("four hundred days", 400*day),
		{
			name: "the last year",
			rule: "Expires may be any instant before the year 2262.",
			run: func(t *tester) {
				expiresAt(t, time.Date(2261, time.December, 31, 23, 59, 59, 0, time.UTC))
			},
		},
		{
			name: "fractions of a second, created",
			rule: "A backend that keeps time in coarser units rounds up: Create makes Expires never earlier than asked, and later by no more than the precision.",
			run:  clockFractionsCreate,
		},
		{
			name: "fractions of a second, updated",
			rule: "A backend that keeps time in coarser units rounds up: Update makes Expires never earlier than asked, and later by no more than the precision.",
			run:  clockFractionsUpdate,
		},
		{
			name: "fractions of a second, touched",
			rule: "A backend that keeps time in coarser units rounds up: Touch makes Expires never earlier than asked, and later by no more than the precision.",
			run:  clockFractionsTouch,
		},
	}
}

func clockUTC(t *tester) {
	id, r := t.newID(), t.record()
	r.Expires = r.Expires.In(time.FixedZone("", 3600))
	t.create(id, r)
	if got := t.load(id).Expires.Location(); got != time.UTC {
		t.Fatalf("Expires is in %q, want UTC", got)
	}
}

func clockZones(t *tester) {
	for _, offset := range []int{-12 * 3600, -1, 5*3600 + 45*60, 14 * 3600} {
		id, r := t.newID(), t.record()
		r.Expires = r.Expires.In(time.FixedZone("", offset))
		t.want(nil, t.store.Create(t.Context(), id, r), "Create until "+r.Expires.String())
		t.wantExpires(id, r.Expires)
	}
}

func lifetimeCase(name string, life time.Duration) testCase {
	return testCase{
		name: name,
		rule: "A record lives as long as it was asked to: " + name + ".",
		run: func(t *tester) {
			t.within(life, func(expires time.Time) error {
				id, r := t.newID(), t.record()
				r.Expires = expires
				if err := t.store.Create(t.Context(), id, r); err != nil {
					return err
				}
				got, err := t.store.Load(t.Context(), id)
				if err == nil {
					t.compareExpires(got, expires)
				}
				return err
			})
		},
	}
}

func expiresAt(t *tester, expires time.Time) {
	id, r := t.newID(), t.record()
	r.Expires = expires
	t.create(id, r)
	t.wantExpires(id, expires)
}

// fractions are below the unit of every clock that a backend may have.
func fractions() []time.Duration {
	return []time.Duration{
		1, 999, 1001, 499_999, 500_000, 999_999, 1_000_001,
		499_999_999, 500_000_000, 500_000_001, 999_999_999,
	}
}

func clockFractionsCreate(t *tester) {
	for _, f := range fractions() {
		expiresAt(t, inAnHour().Add(f))
	}
}

func clockFractionsUpdate(t *tester) {
	id, old := t.created()
	for _, f := range fractions() {
		r := t.record()
		r.Expires = r.Expires.Add(f)
		t.update(id, old.Version, r)
		t.wantExpires(id, r.Expires)
		old = r
	}
}

func clockFractionsTouch(t *tester) {
	id, _ := t.created()
	for _, f := range fractions() {
		expires := inAnHour().Add(f)
		t.touch(id, t.load(id).Version, expires) // the fallback of Touch changes it
		t.wantExpires(id, expires)
	}
}
