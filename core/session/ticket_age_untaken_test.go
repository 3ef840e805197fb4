package session_test

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// offersTo returns when requests with v's ticket were offered another that v never
// takes, counted from now.
func offersTo(v *visitor, every, during time.Duration) (at []time.Duration) {
	v.e.tb.Helper()
	start := time.Now()
	for time.Since(start) < during {
		pass(every)
		if v.fork().do(nothing).Header["Set-Cookie"] != nil {
			at = append(at, time.Since(start))
		}
	}
	return at
}

// A client that never takes a new ticket is offered one ever more rarely, and not
// earlier than RenewEvery allows.
func TestAClientThatTakesNoTicketIsOfferedOneMoreAndMoreRarely(t *testing.T) {
	t.Parallel()
	const minute = time.Minute
	for _, c := range []struct {
		name  string
		every time.Duration
		want  []time.Duration
	}{
		{"a short RenewEvery", 2 * minute, []time.Duration{
			2 * minute, 3 * minute, 5 * minute, 9 * minute, 17 * minute, 27 * minute, 37 * minute,
		}},
		{"a long RenewEvery", 20 * minute, []time.Duration{20 * minute, 21 * minute, 23 * minute, 27 * minute, 35 * minute}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t, func(o *session.Options) { o.RenewEvery = c.every }).seed(signIn("ann", count))
				v.do(nothing)
				if got := offersTo(v, renewGrace, 40*minute); !slices.Equal(got, c.want) {
					t.Errorf("offered at %v, want %v", got, c.want)
				}
				again := v.fork()
				pass(30 * minute)
				again.do(nothing)
				if again.ticket() == v.ticket() {
					t.Fatal("none was offered")
				}
				again.do(nothing) // it takes one at last
				pass(c.every)
				if got := offersTo(again, time.Second, time.Second); len(got) != 1 {
					t.Error("the next one is not offered at its time")
				}
			})
		})
	}
}

// Only what was offered because of age counts: the answer to a Renew is the handler's wish.
func TestALostRenewMakesRenewalsByAgeNoRarer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t, func(o *session.Options) { o.RenewEvery = time.Minute }).seed(signIn("ann", count))
		v.do(nothing)
		pass(time.Minute)
		v.fork().do(renew)
		if got := offersTo(v, renewGrace, renewGrace); len(got) != 1 {
			t.Errorf("%d tickets are offered after RenewGrace, want 1", len(got))
		}
	})
}
