package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A login and a renewal with a fault at their write. lost says that the store acts
// and the answer is lost. The visitor gets no cookie, and is told to try again.
func TestAFaultDuringALoginHandsOutNoCookie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name       string
		seed, work handler
	}{
		{"first login", count, authenticate},
		{"login again", signIn("ann", count), authenticate},
		{"login as somebody else", signIn("ann", count), signIn("bob")},
		{"Renew", signIn("ann", count), renew},
		{"Reauthenticate", signIn("ann", count), reauthenticate},
		{"StepUp", signIn("ann", count), stepUp},
	} {
		for _, lost := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, answer lost: %v", c.name, lost), func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				v := e.seed(c.seed)
				before, err := e.record(v)
				if err != nil {
					t.Fatal(err)
				}
				if lost {
					e.store.lose(errDown, opUpdate, opCreate)
				} else {
					e.store.fail(errDown, opUpdate, opCreate)
				}
				wantOutage(t, v.do(c.work))
				e.store.reset()
				if r, err := e.record(v); !lost && (err != nil || r.Version != before.Version) {
					t.Errorf("the record has changed (%v)", err)
				}
				// Nobody knows whether a first login has landed. If it has, the form that is
				// sent again leads into the session.
				if n, ok := read(v, counter); ok != (c.name != "first login" || !lost) || ok && n != 1 {
					t.Errorf("counter %d, %v", n, ok)
				}
				wantStatus(t, v.do(c.work), http.StatusOK)
				if n, _ := read(v, counter); n != 1 && c.name != "login as somebody else" {
					t.Errorf("counter %d after the second try, want 1", n)
				}
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() == "" {
						t.Error("nobody is signed in after the second try")
					}
				})
			})
		}
	}
}

func TestALoginWhoseStoreStallsIsNoLogin(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		e.store.intercept(func(ctx context.Context, o op) error {
			if o == opUpdate {
				<-ctx.Done()
			}
			return ctx.Err()
		})
		wantOutage(t, v.do(authenticate))
		e.store.reset()
		entries, err := e.mem.ListSubject(t.Context(), "ann")
		if err != nil {
			t.Fatal(err)
		}
		if len(entries) != 0 || !alive(v) {
			t.Errorf("%d live records of a subject who never got a ticket", len(entries))
		}
	})
}

// Commit fails, and the handler goes on: when the header leaves, the ticket that the
// login has stored is handed out.
func TestALoginWhoseAnswerIsLostIsHandedOut(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]handler{
		"of a new visitor": nil, "first": count, "again": signIn("ann", count), "as somebody else": signIn("bob", count),
	} {
		for what, then := range map[string]handler{"nothing": nothing, "another change": count} {
			t.Run(name+", then "+what, func(t *testing.T) {
				t.Parallel()
				e, l := newIndexedEnv(t, atMost(1))
				v := e.visitor()
				if seed != nil {
					v = e.seed(seed)
				}
				other := v.fork()
				if name != "again" {
					other = e.login("ann")
				}
				old := v.fork()
				wantStatus(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					signIn("ann", count)(w, r, s)
					e.store.lose(errDown, opUpdate, opCreate)
					if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
						t.Errorf("Commit: %v, want the store's error", err)
					}
					e.store.reset()
					then(w, r, s)
				}), http.StatusOK)
				if v.ticket() == old.ticket() {
					t.Error("no new ticket was handed out")
				}
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() != "ann" {
						t.Errorf("signed in as %q", s.Subject())
					}
				})
				if n := len(e.list("ann")); n != 1 || name != "again" && alive(other) {
					t.Errorf("%d sessions, at most 1 is allowed", n)
				}
				if n := l.records(t); n != 1 {
					t.Errorf("%d records, want 1", n)
				}
			})
		}
	}
}

// A store without room for a tombstone deletes all the same.
func TestALogoutIsDoneIfEitherWriteWorks(t *testing.T) {
	t.Parallel()
	for _, down := range []op{opUpdate, opDelete} {
		t.Run(string(down), func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t)
			v := e.login("ann", count)
			old := v.fork()
			e.store.fail(errDown, down)
			wantStatus(t, v.do(destroy), http.StatusOK)
			if v.cookie != nil || alive(old) || len(e.list("ann")) != 0 {
				t.Error("the session has survived its end")
			}
		})
	}
}

func TestAFailedLogoutIsReportedAndCanBeRepeated(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	logout := destroy
	e.store.fail(errDown, opDelete, opUpdate)
	wantOutage(t, v.do(logout))
	e.store.reset()
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1: the visitor was told to try again", n)
	}
	old := v.fork()
	wantStatus(t, v.do(logout), http.StatusOK)
	if _, ok := read(old, counter); ok || v.cookie != nil {
		t.Error("the repeated logout did not end the session")
	}
}

func TestACommittedCookieSurvivesALaterFailure(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		counter.Update(s, increment)
		e.store.fail(errDown, opUpdate)
	})
	wantStatus(t, res, http.StatusServiceUnavailable)
	e.store.reset()
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1: the old ticket is dead, and the visitor was not given the new one", n)
	}
}

// TestALoginThatHasFailedOftenWorksOnceTheStoreDoes has logins fail that may have been
// written, so that their tickets take all of the list. Nobody holds one of them: a process
// that knows lets the next login in at once, another one when the time for a commit is over.
func TestALoginThatHasFailedOftenWorksOnceTheStoreDoes(t *testing.T) {
	t.Parallel()
	failures := map[string]func(*faultyStore){
		"the list that is asked for then fails": func(f *faultyStore) {
			written := false
			f.intercept(func(_ context.Context, o op) error {
				switch {
				case o == opLoad:
					written = false
				case o == opUpdate:
					written = true
				case written && o == opList:
					return errDown
				}
				return nil
			})
		},
		"the answer of the write is lost": func(f *faultyStore) { f.lose(errDown, opUpdate) },
	}
	for name, failure := range failures {
		for _, same := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, in the same process %t", name, same), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e, _ := newIndexedEnv(t, atMost(2))
					v := e.seed(count)
					failure(e.store)
					for range 20 {
						wantOutage(t, v.do(authenticate))
						pass(50 * time.Millisecond)
					}
					e.store.reset()
					if !same {
						v.m = e.manager(e.indexed(), atMost(2))
						pass(session.DefaultStoreTimeout)
					}
					wantStatus(t, v.do(authenticate), http.StatusOK)
					wantStatus(t, v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
						if s.Subject() != "ann" || counter.Get(s) != 1 {
							t.Errorf("%q is signed in, with %d in the session", s.Subject(), counter.Get(s))
						}
					}), http.StatusOK)
				})
			})
		}
	}
}

// TestManyLoginsAtOnceKeepTheFirst has more forms on their way than a list has places: the
// answer that arrives last may be the first one's.
func TestManyLoginsAtOnceKeepTheFirst(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		before := e.seed(count)
		first := before.fork()
		wantStatus(t, first.do(authenticate), http.StatusOK)
		for range 20 {
			before.fork().do(authenticate)
		}
		pass(session.DefaultStoreTimeout / 2)
		before.fork().do(authenticate)
		wantStatus(t, first.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "ann" {
				t.Errorf("%q is signed in by the first answer", s.Subject())
			}
		}), http.StatusOK)
	})
}

// What is left to do behind a write that has landed fails in its turn: the session is the
// one that was stored, and no other is made.
func TestALoginThatIsFoundLandedBeforeAFailureMakesOneSession(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]handler{"a new visitor": nil, "an anonymous visitor": count, "somebody else": signIn("bob")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, l := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions = 1 })
			v := e.visitor()
			if seed != nil {
				v = e.seed(seed)
				v.do(nothing)
			}
			want := 0
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				authenticate(w, r, s)
				for _, fail := range []func(){
					func() { e.store.lose(errDown, opCreate, opUpdate) },
					func() { e.store.fail(errDown, opUpdate) },
				} {
					count(w, r, s)
					fail()
					if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
						t.Errorf("Commit: %v, want what the store said", err)
					}
					e.store.reset()
				}
				want = counter.Get(s)
			})
			wantStatus(t, res, http.StatusOK)
			if n, _ := read(v, counter); n != want || l.records(t) != 1 {
				t.Errorf("counter %d, want %d; %d records, want 1", n, want, l.records(t))
			}
		})
	}
}
