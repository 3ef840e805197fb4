package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A login that has ended before its ticket leaves is answered 409, and not like one that
// has worked.
func TestALoginThatHasEndedAlreadyIsRefused(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]handler{"of a new visitor": nil, "first": count} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.visitor()
			if seed != nil {
				v = e.seed(seed)
			}
			before := v.ticket()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				signIn("ann", count)(w, r, s)
				if err := s.Commit(r.Context()); err != nil {
					t.Fatal(err)
				}
				if n, err := e.m.EndSubject(r.Context(), "ann"); n != 1 || err != nil {
					t.Fatalf("EndSubject: %d, %v", n, err)
				}
				count(w, r, s) // the next commit finds it
			})
			wantStatus(t, res, http.StatusConflict)
			wantNoCookie(t, res)
			if v.ticket() != before {
				t.Error("the visitor has another ticket")
			}
		})
	}
}

// Each login is interrupted by another at each of its store calls. Where only one may be
// signed in, one of the two is, and the other one knows that it is not.
func TestALoginThatIsEvictedAtOnceIsRefused(t *testing.T) {
	t.Parallel()
	evicted := 0
	for n := 1; n <= storeCalls; n++ {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t, atMost(1))
			first, second := e.visitor(), e.visitor()
			e.store.meet(n, func() {
				pass(time.Second)
				wantStatus(t, second.do(authenticate), http.StatusOK)
			})
			res := first.do(authenticate)
			e.store.reset()
			if signedIn := res.StatusCode == http.StatusOK; signedIn != (first.cookie != nil) {
				t.Errorf("call %d: answered %d, and a ticket: %v", n, res.StatusCode, first.cookie != nil)
			}
			if res.StatusCode != http.StatusOK {
				wantStatus(t, res, http.StatusConflict)
				evicted++
			}
		})
	}
	if evicted == 0 {
		t.Error("no login was evicted")
	}
}

// A handler that was told answers as it likes.
func TestAHandlerThatKnowsThatItsLoginHasEndedAnswersItself(t *testing.T) {
	t.Parallel()
	for name, learn := range map[string]func(*session.Session, context.Context) error{
		"Commit": (*session.Session).Commit, "Reload": (*session.Session).Reload,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.visitor()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				authenticate(w, r, s)
				if err := s.Commit(r.Context()); err != nil {
					t.Fatal(err)
				}
				if _, err := e.m.EndSubject(r.Context(), "ann"); err != nil {
					t.Fatal(err)
				}
				if name != "Reload" {
					count(w, r, s)
				}
				for range 2 {
					if err := learn(s, r.Context()); !errors.Is(err, session.ErrNotFound) {
						t.Errorf("%v, want ErrNotFound", err)
					}
				}
				count(w, r, s)
				w.WriteHeader(http.StatusTeapot)
			})
			wantStatus(t, res, http.StatusTeapot)
			wantNoCookie(t, res)
		})
	}
}

// What was given up stays given up: a Commit that is repeated does not report success.
// One that has something else to save does.
func TestACommitThatIsRepeatedRepeatsItsRefusal(t *testing.T) {
	t.Parallel()
	type request struct {
		w      http.ResponseWriter
		s      *session.Session
		giveUp func()
	}
	retire := func(v *visitor) {
		newer := v.fork()
		newer.do(renew)
		newer.do(nothing)
	}
	for _, c := range []struct {
		name   string
		seed   handler
		before func(*env, *visitor)
		work   func(request)
		want   error
	}{
		{"a login above the limit", count, func(e *env, _ *visitor) { e.login("ann") }, func(q request) {
			q.s.Authenticate("ann")
		}, session.ErrTooManySessions},
		{"a login after the header", count, nil, func(q request) {
			q.w.WriteHeader(http.StatusOK)
			q.s.Authenticate("ann")
		}, session.ErrHeaderSent},
		{"a login that was given up", count, nil, func(q request) {
			q.giveUp()
			q.s.Authenticate("ann")
		}, context.Canceled},
		{"Renew after the header", signIn("ann", count), nil, func(q request) {
			q.w.WriteHeader(http.StatusOK)
			q.s.Renew()
		}, session.ErrHeaderSent},
		{"Reauthenticate with a retired ticket", signIn("ann", count), func(_ *env, v *visitor) { retire(v) }, func(q request) {
			q.s.Reauthenticate()
		}, session.ErrRetired},
		{"StepUp with a retired ticket", signIn("ann", count), func(_ *env, v *visitor) { retire(v) }, func(q request) {
			q.s.StepUp("2fa", time.Hour)
		}, session.ErrRetired},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, refusing(1))
			v := e.seed(c.seed)
			if c.before != nil {
				c.before(e, v)
			}
			ctx, giveUp := context.WithCancel(t.Context())
			defer giveUp()
			h := e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				c.work(request{w, s, giveUp})
				for i := range 3 {
					if err := s.Commit(t.Context()); !errors.Is(err, c.want) {
						t.Errorf("Commit %d: %v, want %v", i, err, c.want)
					}
				}
				count(w, r, s)
				for i := range 2 {
					if err := s.Commit(t.Context()); err != nil {
						t.Errorf("Commit %d of another change: %v", i, err)
					}
				}
			})
			v.fork().serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { h(w, r.WithContext(ctx)) }))
			if n, _ := read(v, counter); n != 2 {
				t.Errorf("counter %d, want 2", n)
			}
		})
	}
}

// Messages are not taken by a commit that gives its login up, nor twice there then.
func TestALoginThatIsGivenUpTakesNoMessages(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(leave("one"))
	v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		authenticate(w, r, s)
		if got, err := s.Flashes(r.Context()); !errors.Is(err, session.ErrHeaderSent) || got != nil {
			t.Errorf("%v, %v, want ErrHeaderSent", got, err)
		}
		count(w, r, s)
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
	})
	wantMessages(t, v.take(), "one")
}

// A session that has ended is empty. What is set afterwards is nobody's, and does not reach
// whoever signs in next.
func TestWhatEndedReachesNoLogin(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	v := e.login("ann", count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := e.m.EndSubject(r.Context(), "ann"); err != nil {
			t.Error(err)
		}
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		if s.Subject() != "" || s.ID() != "" || len(s.Names()) != 0 {
			t.Errorf("shows %q of %q, with %q", s.ID(), s.Subject(), s.Names())
		}
		signIn("bob")(w, r, s)
	})
	if n, ok := read(v, counter); ok {
		t.Errorf("counter %d of a session that has ended", n)
	}
}

// An outage is no end, also where the login comes after one.
func TestALoginAfterAnEndMeetsAnOutage(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]func(*faultyStore){
		"the store fails":             func(f *faultyStore) { f.at(1, false, false, errDown) },
		"the answer is lost":          func(f *faultyStore) { f.lose(errDown, opCreate) },
		"it is lost, and all is down": func(f *faultyStore) { f.at(2, true, true, errDown) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.login("ann")
			v.fork().do(destroy)
			e.store.reset()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("Commit: %v, want ErrNotFound", err)
				}
				authenticate(w, r, s)
				fault(e.store)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					t.Errorf("Commit: %v, want what the store said", err)
				}
				e.store.reset()
			})
			wantStatus(t, res, http.StatusOK)
			v.is("ann", "")
			if list := e.list("ann"); len(list) != 1 {
				t.Errorf("listed: %+v, want one session", list)
			}
		})
	}
}

// A login that has ended before its limit was kept leaves nothing to do.
func TestALoginThatHasEndedHasNoLimitToKeep(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions = 1 })
	met := e.store.meet(3, func() {
		if n, err := e.m.EndSubject(t.Context(), "ann"); n != 1 || err != nil {
			t.Errorf("EndSubject: %d, %v", n, err)
		}
	})
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	if wantStatus(t, res, http.StatusTeapot); !met() {
		t.Error("the end has not met the login")
	}
}
