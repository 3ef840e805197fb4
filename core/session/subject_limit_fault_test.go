package session_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A process has died between taking the turn and giving it back.
func TestALostTurnHoldsLoginsUpForTwiceStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, refusing(1))
		e.store.fail(errDown, opList, opDelete) // the login fails, and the turn stays
		wantOutage(t, e.visitor().do(authenticate))
		e.store.reset()
		start := time.Now()
		wantOutage(t, e.visitor().do(authenticate))
		if took := time.Since(start); took != session.DefaultStoreTimeout {
			t.Errorf("gave up after %v, want %v", took, session.DefaultStoreTimeout)
		}
		wantStatus(t, e.visitor().do(signIn("bob")), http.StatusOK) // others don't wait
		pass(time.Until(start.Add(2 * session.DefaultStoreTimeout)))
		wantStatus(t, e.visitor().do(authenticate), http.StatusOK)
		if n := len(e.list("ann")); n != 1 {
			t.Errorf("%d sessions, want 1", n)
		}
	})
}

// The time for it ends before the turn expires: it could be another's by then.
func TestAStoreHasHalfOfStoreTimeoutToTakeATurnBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ takes, until time.Duration }{
		{session.DefaultStoreTimeout/2 - 1, 0},
		{session.DefaultStoreTimeout/2 + 1, 2 * session.DefaultStoreTimeout},
	} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t, refusing(2))
			e.store.intercept(func(ctx context.Context, o op) error {
				if o != opDelete {
					return nil
				}
				select {
				case <-time.After(c.takes):
					return nil
				case <-ctx.Done():
					return ctx.Err()
				}
			})
			start := time.Now()
			e.login("ann")
			e.store.reset()
			for e.visitor().do(authenticate).StatusCode != http.StatusOK { // each waits for StoreTimeout
				if time.Since(start) > time.Minute {
					t.Fatal("the turn is never given back")
				}
			}
			if took := time.Since(start); took < c.until || took > c.takes+c.until {
				t.Errorf("the next login took until %v, want about %v", took, c.until)
			}
		})
	}
}

func TestALoginThatWaitsForItsTurnGetsIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newIndexedEnv(t, refusing(2))
		slow := true
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opList && slow {
				slow = false
				<-time.After(session.DefaultStoreTimeout / 2) // the first one takes its time
			}
			return nil
		})
		first := e.visitor()
		var wg sync.WaitGroup
		wg.Go(func() { wantStatus(t, first.do(authenticate), http.StatusOK) })
		synctest.Wait()
		wantStatus(t, e.visitor().do(authenticate), http.StatusOK)
		wg.Wait()
		if n := len(e.list("ann")); n != 2 {
			t.Errorf("%d sessions, want 2", n)
		}
	})
}

// A login with a fault at each of its store calls: the visitor keeps what they
// had, and no session of the subject is left that nobody has a ticket of.
func TestAFaultDuringALimitedLoginIsNoLogin(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing} {
		for _, lost := range []bool{false, true} {
			for n := 2; n <= storeCalls; n++ {
				t.Run(fmt.Sprintf("%s, answer lost %v, call %d", name, lost, n), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e, _ := newIndexedEnv(t, policy(2))
						other := e.login("ann", count)
						v := e.seed(count)
						old := v.fork()
						e.store.at(n, lost, false, errDown)
						res := v.do(signIn("ann", count))
						e.store.reset()
						want, sessions := 2, 2
						if res.StatusCode != http.StatusOK {
							wantOutage(t, res)
							want, sessions = 1, 1
						}
						if got, ok := read(v, counter); !ok || got != want {
							t.Errorf("counter %d after status %d, want %d", got, res.StatusCode, want)
						}
						if v.id() != old.id() && alive(old) {
							t.Error("the old ticket is good after a login")
						}
						if !alive(other) || len(e.list("ann")) != sessions {
							t.Errorf("%d sessions, want %d", len(e.list("ann")), sessions)
						}
						pass(2 * session.DefaultStoreTimeout)
						wantStatus(t, v.do(signIn("ann")), http.StatusOK)
						if len(e.list("ann")) != 2 {
							t.Errorf("%d sessions after the repeated login, want 2", len(e.list("ann")))
						}
					})
				})
			}
		}
	}
}

func TestALoginWhoseEvictionFailsFails(t *testing.T) {
	t.Parallel()
	for _, failing := range []op{opList, opDelete} {
		t.Run(string(failing), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, atMost(1))
				first := e.login("ann", count)
				pass(time.Second)
				v := e.seed(count)
				e.store.fail(errDown, failing)
				wantOutage(t, v.do(authenticate))
				e.store.reset()
				if !alive(first) || !alive(v) {
					t.Error("a session has ended though nobody has signed in")
				}
				pass(time.Second)
				wantStatus(t, v.do(authenticate), http.StatusOK)
				if alive(first) || len(e.list("ann")) != 1 {
					t.Errorf("%d sessions, want 1", len(e.list("ann")))
				}
			})
		})
	}
}

// Each of two logins, and each of a login and a move, is interrupted by the other
// at each of its calls of the store.
func TestWhateverMeetsALoginTheLimitHolds(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing} {
		for meets, work := range map[string]handler{
			"a login": nil, "a renewal": nothing, "a login again": authenticate, "Renew": renew, "a write": count, "Destroy": destroy,
		} {
			for _, outside := range []bool{false, true} {
				for n := 1; n <= 2*storeCalls; n++ {
					t.Run(fmt.Sprintf("%s, %s, outside %v, call %d", name, meets, outside, n), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) { loginMeets(t, policy, work, outside, n) })
					})
				}
			}
		}
	}
}

func loginMeets(t *testing.T, policy func(int) func(*session.Options), work handler, outside bool, n int) {
	t.Helper()
	const limit = 2
	e, _ := newIndexedEnv(t, policy(limit), renewing)
	other := e.seed(count)
	if work != nil {
		other = e.login("ann", count)
	} else {
		work = signIn("ann")
	}
	pass(time.Second)
	third := e.login("ann", count)
	pass(renewEvery)
	third.do(nothing)
	v := e.seed(count)
	visitors := []*visitor{v, other, third}
	held := other.fork()
	login, second := func() { v.do(signIn("ann")) }, func() {
		other.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			if s.Subject() != "" || !s.IsNew() {
				work(w, r, s)
			}
		})
	}
	first := login
	if outside {
		first, second = second, first
	}
	met := e.store.meet(n, second)
	first()
	e.store.reset()
	if !met() {
		return
	}
	list := e.list("ann")
	if len(list) > limit {
		t.Errorf("%d sessions, at most %d are allowed", len(list), limit)
	}
	signedIn := 0
	for _, v := range append(visitors, held) {
		if v.cookie == nil || v == held && other.cookie != nil && held.cookie.Value == other.cookie.Value {
			continue
		}
		pass(renewGrace)
		v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() == "ann" {
				signedIn++
			}
		})
	}
	if signedIn != len(list) {
		t.Errorf("%d sessions and %d visitors who are signed in", len(list), signedIn)
	}
}
