package conformance

import (
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
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
		{
			name: "hours that come twice",
			rule: "Expires is an instant: also in an hour that the clocks of a zone show twice, when summer ends.",
			run:  clockTwice,
		},
		lifetimeCase("one minute", time.Minute),
		lifetimeCase("thirty days less a second", 30*day-time.Second),
		lifetimeCase("thirty days", 30*day),
		lifetimeCase("thirty days and a second", 30*day+time.Second),
		lifetimeCase("four hundred days", 400*day),
		{
			name: "the last year",
			rule: "Expires may be any instant until 2262-04-11 23:47:15 UTC, the last whole second of UnixNano.",
			run: func(t *tester) {
				for _, f := range []time.Duration{0, 123_456_789} {
					t.eachExpires(time.Date(2261, time.December, 31, 23, 59, 58, 0, time.UTC).Add(f), t.compareExpires)
				}
				t.eachExpires(time.Date(2262, time.April, 11, 23, 47, 15, 0, time.UTC), t.compareExpires)
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
	t.eachExpires(inAnHour().In(time.FixedZone("", 3600)), func(got sessionstore.Record, _ time.Time) {
		if got := got.Expires.Location(); got != time.UTC {
			t.Fatalf("Expires is in %q, want UTC", got)
		}
	})
}

// eachExpires writes an expiry in each way, and has what Load returns compared with it.
func (t *tester) eachExpires(expires time.Time, compare func(got sessionstore.Record, asked time.Time)) {
	t.Helper()
	id, r := t.newID(), t.record()
	r.Expires = expires
	t.want(nil, t.store.Create(t.Context(), id, r), "Create until "+expires.String())
	compare(t.load(id), expires)
	for _, m := range moves() {
		id, r := t.created()
		_, err := m.make(t, id, r, expires)
		t.want(nil, err, "a write after which "+m.how+" the expiry to "+expires.String())
		compare(t.load(id), expires)
	}
}

func clockZones(t *tester) {
	for _, offset := range []int{-12 * 3600, -1, 5*3600 + 45*60, 14 * 3600} {
		t.eachExpires(inAnHour().In(time.FixedZone("", offset)), t.compareExpires)
	}
}

// clockTwice has both of two hours that are one on the clocks of Australia, Europe and America.
func clockTwice(t *tester) {
	for _, first := range []time.Time{
		time.Date(2031, time.April, 5, 15, 30, 0, 0, time.UTC),
		time.Date(2031, time.October, 26, 0, 30, 0, 0, time.UTC),
		time.Date(2031, time.November, 2, 5, 30, 0, 0, time.UTC),
	} {
		for hours := range 2 {
			t.eachExpires(first.Add(time.Duration(hours)*time.Hour), t.compareExpires)
		}
	}
}

func lifetimeCase(name string, life time.Duration) testCase {
	return testCase{
		name: name,
		rule: "A record lives as long as it was asked to, by Create, Update and Touch: " + name + ".",
		run: func(t *tester) {
			for _, m := range append(moves(), creation()) {
				t.within(life, func(expires time.Time) error {
					id, r := t.created()
					if _, err := m.make(t, id, r, expires); err != nil {
						return err
					}
					got, err := t.store.Load(t.Context(), id)
					if err == nil {
						t.compareExpires(got, expires)
					}
					return err
				})
			}
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
