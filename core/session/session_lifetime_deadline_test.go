package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// endsIn returns a handler that sets the deadline.
func endsIn(d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(time.Now().Add(d)) }
}

func TestADeadlineEndsASessionHoweverBusy(t *testing.T) {
	t.Parallel()
	zero := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(time.Time{}) }
	eve := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }
	const day = session.DefaultAbsoluteTimeout
	for _, c := range []struct {
		name string
		work []handler
		want time.Duration
	}{
		{"earlier than the timeouts", []handler{endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"later than the timeouts", []handler{endsIn(100 * time.Hour)}, day},
		{"set later", []handler{endsIn(time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"set earlier", []handler{endsIn(9 * time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"taken back", []handler{endsIn(time.Hour), zero}, day},
		{"with an idle timeout over it", []handler{setIdle(5 * time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"with no idle timeout", []handler{setIdle(session.NoTimeout), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"then Renew", []handler{endsIn(3 * time.Hour), renew}, 3 * time.Hour},
		{"then Authenticate", []handler{endsIn(3 * time.Hour), authenticate}, day},
		{"then Authenticate in the same request", []handler{both(endsIn(3*time.Hour), authenticate)}, 3 * time.Hour},
		{"then the same subject", []handler{authenticate, endsIn(3 * time.Hour), authenticate}, day},
		{"then another subject", []handler{authenticate, endsIn(3 * time.Hour), eve}, day},
		{"then Destroy", []handler{endsIn(3 * time.Hour), both(destroy, count)}, day},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).seed(count)
				for _, work := range c.work {
					wantStatus(t, v.do(work), http.StatusOK)
				}
				busyUntil(v, c.want-time.Minute)
				wantEnd(t, v, time.Minute)
			})
		})
	}
}

// busyUntil reads the session every half an hour for so long.
func busyUntil(v *visitor, d time.Duration) {
	for ; d > 0; d -= 30 * time.Minute {
		pass(min(d, 30*time.Minute))
		v.do(look)
	}
}

func TestADeadlineIsExactAndSurvivesATouch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		v.do(endsIn(90*time.Minute + 1))
		pass(45 * time.Minute)
		v.do(look) // a touch may go to the deadline and no further
		r, err := e.record(v)
		if err != nil || time.Until(r.Expires) != 45*time.Minute+1 {
			t.Errorf("the record expires in %v, %v", time.Until(r.Expires), err)
		}
		wantEnd(t, v, 45*time.Minute+1)
	})
}

func TestASessionWhoseDeadlinePassesDuringTheRequestEnds(t *testing.T) {
	t.Parallel()
	passes := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		endsIn(time.Minute)(w, r, s)
		pass(time.Minute)
	}
	for name, work := range map[string]handler{
		"written": passes, "renewed": both(passes, renew), "signed in": both(passes, authenticate),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).seed(count)
				res := v.do(work)
				want := http.StatusOK
				if name == "signed in" {
					want = http.StatusConflict
				}
				wantStatus(t, res, want)
				wantNoCookie(t, res)
				if alive(v) {
					t.Error("alive after its deadline")
				}
			})
		})
		t.Run(name+", while the store is down", func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(count)
				e.store.fail(errDown, opUpdate, opDelete)
				wantOutage(t, v.do(work))
			})
		})
	}
	t.Run("cookie-only", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newCookieOnlyEnv(t).seed(count)
			if v.do(passes); v.cookie != nil {
				t.Error("the cookie is not taken back")
			}
		})
	})
}

func TestADeadlineInANanosecondInAnotherZoneOrFarAwayIsGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		for _, at := range []time.Time{
			time.Now().Add(1), time.Now().Add(time.Hour).In(time.FixedZone("", 14*3600)),
			time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC),
			time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC), // what some write for never
		} {
			v := e.seed(count)
			wantStatus(t, v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(at) }), http.StatusOK)
		}
	})
}
