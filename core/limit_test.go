package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

func atMost(n int) func(*session.Options) {
	return func(o *session.Options) { o.MaxSessions = n }
}

func refusing(n int) func(*session.Options) {
	return func(o *session.Options) { o.MaxSessions, o.RefuseNew = n, true }
}

func TestALoginAboveTheLimitEndsTheOldestOne(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3} {
		t.Run(strconv.Itoa(limit), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, atMost(limit))
				bob := e.login("bob", count)
				var visitors []*visitor
				for range limit + 2 {
					pass(time.Second)
					visitors = append(visitors, e.login("ann", count))
					visitors[0].do(nothing) // that it is in use doesn't save it
				}
				for i, v := range visitors {
					if want := i >= 2; alive(v) != want {
						t.Errorf("login %d is alive: %v, want %v", i, !want, want)
					}
				}
				if !alive(bob) {
					t.Error("somebody else's session has ended")
				}
			})
		})
	}
}

func TestALoginAboveTheLimitIsRefused(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t, refusing(2))
	first := e.login("ann", count)
	e.login("ann", count)
	e.login("bob", count)
	for name, v := range map[string]*visitor{"a new visitor": e.visitor(), "a visitor with a session": e.seed(count)} {
		before, old := l.records(t), v.fork()
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			s.Authenticate("ann")
			count(w, r, s)
		})
		wantStatus(t, res, http.StatusForbidden)
		wantNoCookie(t, res)
		if n := l.records(t); n != before {
			t.Errorf("%s: %d records, want %d as before", name, n, before)
		}
		if old.cookie == nil {
			continue
		}
		if n, ok := read(old, counter); n != 1 || !ok {
			t.Errorf("%s: counter %d, want 1: the session is to stay as it was", name, n)
		}
	}
	first.do(destroy)
	wantStatus(t, e.visitor().do(authenticate), http.StatusOK)
}

func TestAHandlerAnswersARefusedLoginItself(t *testing.T) {
	t.Parallel()
	for name, known := range map[string]bool{"a new visitor": false, "a visitor with a session": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, refusing(1))
			e.login("ann")
			v, want := e.visitor(), 1
			if known {
				v, want = e.seed(count), 2
			}
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Authenticate("ann")
				for range 2 { // the second one has nothing to do
					err := s.Commit(r.Context())
					if errors.Is(err, session.ErrTooManySessions) {
						continue
					}
					if err != nil || s.Subject() != "" || s.New() == known {
						t.Errorf("Commit: %v, subject %q, new %v", err, s.Subject(), s.New())
					}
				}
				count(w, r, s) // the handler goes on with the session
				w.WriteHeader(http.StatusConflict)
				_, _ = w.Write([]byte("our own page")) // the recorder takes everything
			})
			wantStatus(t, res, http.StatusConflict)
			if n, _ := read(v, counter); n != want {
				t.Errorf("counter %d, want %d", n, want)
			}
			if n := len(e.list("ann")); n != 1 {
				t.Errorf("%d sessions of the subject, want 1", n)
			}
		})
	}
}

func TestAnotherLoginInTheSameSessionCountsOnce(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, policy(2))
			v, other := e.login("ann", count), e.login("ann", count)
			for range 5 {
				wantStatus(t, v.do(authenticate), http.StatusOK)
			}
			if !alive(v) || !alive(other) || len(e.list("ann")) != 2 {
				t.Error("a session has ended")
			}
		})
	}
}

func TestWhatIsNoLoginIsNotCounted(t *testing.T) {
	t.Parallel()
	for name, policy := range map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, policy(1), renewing)
				v := e.login("ann", count)
				for _, work := range []handler{renew, stepUp, nothing} {
					pass(renewEvery)
					e.store.taken()
					wantStatus(t, v.do(work), http.StatusOK)
					if calls := e.store.taken(); calls[opList] != 0 {
						t.Errorf("store calls %v, want no list", calls)
					}
				}
				if !alive(v) {
					t.Error("the session has ended")
				}
			})
		})
	}
}

const logins = 100

func TestTheLimitIsExactUnderParallelLogins(t *testing.T) {
	t.Parallel()
	for _, limit := range []int{1, 3} {
		for name, policy := range map[string]func(int) func(*session.Options){"evict": atMost, "refuse": refusing} {
			for _, managers := range []int{1, 2} {
				for _, known := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s above %d, %d managers, known visitors %v", name, limit, managers, known), func(t *testing.T) {
						t.Parallel()
						e, _ := newIndexedEnv(t, policy(limit))
						ms := []*session.Manager{e.m, e.manager(e.indexed(), policy(limit))}[:managers]
						parallelLogins(t, e, ms, limit, known, name == "refuse")
					})
				}
			}
		}
	}
}

func parallelLogins(t *testing.T, e *env, ms []*session.Manager, limit int, known, refuses bool) {
	t.Helper()
	visitors := make([]*visitor, logins)
	for i := range visitors {
		if visitors[i] = e.visitor(); known {
			visitors[i] = e.seed(count)
		}
		visitors[i].m = ms[i%len(ms)]
	}
	var (
		wg     sync.WaitGroup
		mu     sync.Mutex
		status = make(map[int]int)
	)
	for _, v := range visitors {
		wg.Go(func() {
			res := v.do(signIn("ann", count))
			mu.Lock()
			defer mu.Unlock()
			status[res.StatusCode]++
		})
	}
	wg.Wait()
	want := map[int]int{http.StatusOK: logins}
	if refuses {
		want = map[int]int{http.StatusOK: limit, http.StatusForbidden: logins - limit}
	}
	if fmt.Sprint(status) != fmt.Sprint(want) {
		t.Errorf("status %v, want %v", status, want)
	}
	if n := len(e.list("ann")); n != limit {
		t.Errorf("%d sessions, want %d", n, limit)
	}
	signedIn := 0
	for _, v := range visitors {
		if v.cookie == nil {
			continue
		}
		v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() == "ann" {
				signedIn++
			}
		})
	}
	if signedIn != limit {
		t.Errorf("%d visitors are signed in, want %d", signedIn, limit)
	}
}

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
			if name == "refuse" && (meets == "a login" || meets == "a login again") {
				continue // they take turns: one would wait for itself
			}
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
			if s.Subject() != "" || !s.New() {
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

func TestALimitNeedsAnIndex(t *testing.T) {
	t.Parallel()
	_, err := session.New(plainStore{newEnv(t).mem}, session.Options{Keys: [][]byte{testKey}, MaxSessions: 1})
	if !errors.Is(err, session.ErrUnsupported) || !strings.Contains(err.Error(), "MaxSessions") {
		t.Errorf("New: %v, want ErrUnsupported that names MaxSessions", err)
	}
}
