package session_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func remember(d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Remember(d) }
}

// A visitor is remembered for as long as Remember says, over both timeouts or under
// them, and its cookie is kept for so long, whether it is called before
// Authenticate or after it.
func TestRememberTakesThePlaceOfBothTimeouts(t *testing.T) {
	t.Parallel()
	const month, minute = 30 * 24 * time.Hour, time.Minute
	eve := signIn("eve")
	for _, c := range []struct {
		name string
		work []handler // after a login
		want time.Duration
		age  time.Duration // of the last cookie; 0: it ends with the browser
	}{
		{"after Authenticate", []handler{both(authenticate, remember(month))}, month, month},
		{"before Authenticate", []handler{both(remember(month), authenticate)}, month, month},
		{"before Authenticate as somebody else", []handler{both(remember(month), eve)}, month, month},
		{"for less than the timeouts", []handler{both(authenticate, remember(minute))}, minute, minute},
		{"after the login", []handler{remember(month)}, month, month},
		{"twice", []handler{remember(month), remember(minute)}, minute, minute},
		{"then Renew", []handler{remember(month), renew}, month, month},
		{"then StepUp", []handler{remember(month), stepUp}, month, month},
		{"then the next login without it", []handler{remember(month), authenticate}, session.DefaultIdleTimeout, 0},
		{"then somebody else's login without it", []handler{remember(month), eve}, session.DefaultIdleTimeout, 0},
		{"then the next login with it", []handler{remember(month), both(authenticate, remember(2*month))}, 2 * month, 2 * month},
		{"then a deadline", []handler{remember(month), endsIn(minute)}, minute, month},
		{"then the next login with a deadline", []handler{remember(month), both(endsIn(minute), authenticate)}, minute, 0},
		{"then somebody else's login with a timeout", []handler{remember(month), both(setIdle(minute), eve)}, minute, 0},
		{
			"then the next login for the browser's session",
			[]handler{remember(month), both(setPersistent(false), authenticate)},
			session.DefaultIdleTimeout, 0,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).login("ann", count)
				for _, work := range c.work {
					wantStatus(t, v.do(work), http.StatusOK)
				}
				if age := time.Duration(v.cookie.MaxAge) * time.Second; age != c.age {
					t.Errorf("the cookie is kept for %v, want %v", age, c.age)
				}
				wantEnd(t, v, c.want)
			})
		})
	}
}

// However busy the session is: AbsoluteTimeout would have ended it, too.
func TestARememberedSessionEndsAfterItsTimeHoweverBusy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const days = 3
		v := newEnv(t).seed(signIn("ann", count, remember(days*24*time.Hour)))
		for range days*24 - 1 {
			pass(time.Hour)
			wantNoCookie(t, v.do(count))
		}
		wantEnd(t, v, time.Hour)
	})
}

// What a session of before the login was given is not the login's: a shared computer
// remembers nobody who has not asked for it.
func TestALoginIsNotRememberedBecauseTheAnonymousSessionWas(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(both(count, remember(30*24*time.Hour)))
		v.do(authenticate)
		if v.cookie.MaxAge != 0 {
			t.Errorf("Max-Age %d, want none", v.cookie.MaxAge)
		}
		wantEnd(t, v, session.DefaultIdleTimeout)
	})
}

// Also where the request commits before: with Flashes, for instance. Others may write meanwhile.
func TestRememberHoldsForALoginBehindACommit(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	for conflict := range 4 { // at the n-th write
		synctest.Test(t, func(t *testing.T) {
			v := newEnv(t).seed(count)
			other, login := v.fork(), time.Time{}
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				for i, work := range []handler{remember(month), count, authenticate} {
					login = time.Now()
					if work(w, r, s); conflict == i+1 {
						other.do(count) //nolint:contextcheck // another request
					}
					if err := s.Commit(r.Context()); err != nil {
						t.Error(err)
					}
				}
			})
			if v.cookie.MaxAge != int(month/time.Second) {
				t.Errorf("Max-Age %d, conflict at write %d", v.cookie.MaxAge, conflict)
			}
			wantEnd(t, v, month-time.Since(login))
		})
	}
}

// What a login sets is its own ticket's, also where the request writes once more.
func TestWhatALoginSetsIsItsOwnThoughMoreIsWritten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).login("ann", count)
		v.do(nothing)
		v.fork().do(both(setIdle(time.Minute), signIn("ann", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
			count(w, r, s)
		})))
		wantEnd(t, v, session.DefaultIdleTimeout)
	})
}

// What an earlier request has set is undone by a login, though this one has met a write.
func TestALoginUndoesWhatAnEarlierRequestHasSetWhateverItMeets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).login("ann", remember(time.Minute))
		v.do(nothing)
		other := v.fork()
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			other.do(count) //nolint:contextcheck // another request
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
			authenticate(w, r, s)
		})
		v.do(nothing)
		wantEnd(t, v, session.DefaultIdleTimeout)
	})
}
