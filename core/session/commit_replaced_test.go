package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Whoever signs in as somebody else, and gets no ticket because the store fails, goes on as
// before, however often the request commits.
func TestALoginAsSomebodyElseThatFailsEndsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy func(int) func(*session.Options)
		fail   func(*faultyStore)       // for the first commit
		heal   func(*faultyStore)       // for those after it
		then   func(s *session.Session) // before these
	}{
		"the limit can't be kept":      {atMost, func(f *faultyStore) { f.failAfter(1, opList) }, nil, nil},
		"a refused one can't be found": {refusing, func(f *faultyStore) { f.failAfter(1, opList) }, nil, nil},
		"the end fails, and then what is set": {
			atMost, func(f *faultyStore) { f.fail(errDown, opUpdate, opDelete) },
			func(f *faultyStore) { f.failAfter(1, opUpdate, opDelete) },
			func(s *session.Session) { counter.Update(s, increment) },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, c.policy(1))
			v := e.login("bob", count)
			c.fail(e.store)
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				authenticate(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					t.Errorf("Commit: %v, want the store's error", err)
				}
				if c.heal != nil {
					c.heal(e.store)
					c.then(s)
				}
			})
			wantOutage(t, res)
			e.store.reset()
			v.is("bob", "")
		})
	}
}

// Nor where the store works again when the header has left.
func TestALoginAsSomebodyElseWhoseHeaderHasLeftEndsNothing(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(1))
	v := e.login("bob", count)
	e.store.failAfter(1, opList)
	wantOutage(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		w.WriteHeader(http.StatusOK)
		e.store.reset()
		for range 2 {
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
				t.Errorf("Commit: %v, want ErrHeaderSent", err)
			}
		}
		count(w, r, s)
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit of another change: %v", err)
		}
	}))
	v.is("bob", "")
}

// Likewise where the login is written, and newer ones have taken its place.
func TestALoginAsSomebodyElseThatIsEvictedAtOnceEndsNothing(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(1))
	v, other := e.login("bob", count), e.visitor()
	met := e.store.meet(4, func() { wantStatus(t, other.do(authenticate), http.StatusOK) })
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	wantNoCookie(t, res)
	v.is("bob", "")
	if !met() {
		t.Error("the other login has not met it")
	}
}

// Nor does one end anything whose own time is over before it is written.
func TestALoginAsSomebodyElseThatComesAfterItsDeadlineEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("bob", count))
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			authenticate(w, r, s)
			endsIn(session.DefaultIdleTimeout/2)(w, r, s)
			pass(session.DefaultIdleTimeout / 2)
		})
		wantStatus(t, res, http.StatusConflict)
		v.is("bob", "")
	})
}

// What a login replaces ends with it all the same, where that ends before its ticket has left.
func TestTheEndOfALoginAsSomebodyElseThatHasFailedEndsBoth(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(*session.Session){
		"Destroy": (*session.Session).Destroy, "CheckAuthHash": func(s *session.Session) { s.CheckAuthHash("another password") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, l := newIndexedEnv(t, atMost(1))
			v := e.login("bob", count)
			e.store.failAfter(1, opList)
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				authenticate(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					t.Errorf("Commit: %v, want the store's error", err)
				}
				e.store.reset()
				end(s)
			})
			if n := l.records(t); n != 0 || v.cookie != nil {
				t.Errorf("%d records are left, and the cookie: %v", n, v.cookie)
			}
		})
	}
}

// Nor does it get the ticket of that login, though the request had one to hand out already.
func TestALoginAsSomebodyElseThatFailsHandsOutNoTicketOfIt(t *testing.T) {
	t.Parallel()
	limit := func(f *faultyStore) { f.failAfter(1, opList) }
	for name, fail := range map[string][]func(*faultyStore){ // for each commit
		"the limit can't be kept":                         {limit},
		"it is found landed, and the limit can't be kept": {func(f *faultyStore) { f.lose(errDown, opCreate) }, limit},
		"it is there, and can't be read": {func(f *faultyStore) {
			f.lose(sessionstore.ErrExists, opCreate)
			f.fail(errDown, opLoad)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, atMost(1))
			v := e.visitor()
			res := v.do(signIn("bob", func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
				authenticate(w, r, s)
				for i := range fail {
					if i > 0 {
						commitFails(t, r, s)
						e.store.reset()
					}
					fail[i](e.store)
				}
			}))
			wantStatus(t, res, http.StatusServiceUnavailable)
			e.store.reset()
			if v.cookie != nil {
				v.is("bob", "")
			}
		})
	}
}

// Whether there is room for it was not looked at a second time. So its ticket is not handed out,
// though the request had one to hand out already.
func TestALoginThatIsFoundLandedHandsOutNoTicketBeforeItsLimitIsKept(t *testing.T) {
	t.Parallel()
	for name, limit := range map[string]func(*session.Options){"the oldest goes": atMost(1), "the newest goes": refusing(1)} {
		for _, reload := range []bool{false, true} {
			e, _ := newIndexedEnv(t, limit)
			v, phone := e.visitor(), e.visitor()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if count(w, r, s); s.Commit(r.Context()) != nil {
					t.Error("it can't begin")
				}
				admitted := false
				e.store.lose(errDown, opUpdate)
				e.store.intercept(func(_ context.Context, o op) error {
					if o == opUpdate && !admitted {
						admitted = true
						phone.do(authenticate) //nolint:contextcheck // another request
					}
					return nil
				})
				authenticate(w, r, s)
				commitFails(t, r, s)
				e.store.reset()
				if reload {
					if err := s.Reload(r.Context()); err != nil {
						t.Error(err)
					}
				}
				count(w, r, s)
				loaded := reload
				e.store.intercept(func(_ context.Context, o op) error {
					if loaded = loaded || o == opLoad; loaded && o == opUpdate {
						return errDown
					}
					return nil
				})
			})
			e.store.reset()
			who := ""
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { who = s.Subject() })
			if res.StatusCode == http.StatusOK || who != "" {
				t.Errorf("%s, reload %t: an answer %d has signed %q in", name, reload, res.StatusCode, who)
			}
		}
	}
}
