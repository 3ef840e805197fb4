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

	"github.com/cloakroom-go/cloakroom/core/session"
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
					if err != nil || s.Subject() != "" || s.IsNew() == known {
						t.Errorf("Commit: %v, subject %q, new %v", err, s.Subject(), s.IsNew())
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
	for name, policy := range limitPolicies {
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
	for name, policy := range limitPolicies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, policy(1), renewing)
				v := e.login("ann", count)
				v.do(nothing)
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
		for name, policy := range limitPolicies {
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
			old := v.ticket()
			res := v.do(signIn("ann", count))
			if handed := v.ticket() != old; handed != (res.StatusCode == http.StatusOK) {
				t.Errorf("status %d, and a ticket: %v", res.StatusCode, handed)
			}
			mu.Lock()
			defer mu.Unlock()
			status[res.StatusCode]++
		})
	}
	wg.Wait()
	want := map[int]int{http.StatusOK: logins - status[http.StatusConflict], http.StatusConflict: status[http.StatusConflict]}
	if status[http.StatusConflict] == 0 { // which those get that others have ended at once
		delete(want, http.StatusConflict)
	}
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

// Each of them has the same sessions to end.
func TestManyLoginsAtOnceShareTheWork(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const limit = 3
		e, _ := newIndexedEnv(t, atMost(limit), func(o *session.Options) { o.StoreTimeout = time.Hour })
		e.store.intercept(func(context.Context, op) error {
			<-time.After(time.Millisecond)
			return nil
		})
		e.store.taken()
		var wg sync.WaitGroup
		for range logins {
			wg.Go(func() { e.visitor().do(signIn("ann", count)) })
		}
		wg.Wait()
		if n := len(e.list("ann")); n != limit {
			t.Errorf("%d sessions, want %d", n, limit)
		}
		if n := e.store.taken()[opDelete]; n > 20*logins {
			t.Errorf("%d calls of Delete for %d sessions", n, logins-limit)
		}
	})
}

// More than one look finds.
func TestALimitThatIsLoweredIsMetByTheNextLogin(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	for range 100 {
		e.login("ann", count)
	}
	m := e.manager(e.indexed(), atMost(3))
	e.visitor().with(m).do(signIn("ann", count))
	if list, records := e.list("ann"), l.records(t); len(list) != 3 || records != 3 {
		t.Errorf("%d sessions in %d records, want 3", len(list), records)
	}
}

func TestALimitNeedsAnIndex(t *testing.T) {
	t.Parallel()
	_, err := session.New(plainStore{newEnv(t).mem}, session.Options{Keys: [][]byte{testKey}, MaxSessions: 1})
	if !errors.Is(err, session.ErrUnsupported) || !strings.Contains(err.Error(), "MaxSessions") {
		t.Errorf("New: %v, want ErrUnsupported that names MaxSessions", err)
	}
}
