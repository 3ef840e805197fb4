package session_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// reload brings a session up to date in the middle of a request.
func reload(tb testing.TB, r *http.Request, s *session.Session, want error) {
	tb.Helper()
	if err := s.Reload(r.Context()); !errors.Is(err, want) {
		tb.Errorf("Reload: %v, want %v", err, want)
	}
}

// A stream has changed something and not committed it: that is made again on what
// there is now.
func TestReloadShowsWhatOthersHaveChangedAndKeepsOnesOwnChanges(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", count))
	v.do(nothing)
	res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		count(w, r, s)
		v.do(both(count, buyHat)) //nolint:contextcheck // another request
		e.store.taken()
		reload(t, r, s, nil)
		if calls := e.store.taken(); !maps.Equal(calls, map[op]int{opLoad: 1}) {
			t.Errorf("store calls %v, want one Load", calls)
		}
		if counter.Get(s) != 3 || !s.Has("cart") {
			t.Errorf("counter %d, want 3; a cart: %v", counter.Get(s), s.Has("cart"))
		}
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit: %v", err)
		}
		v.do(clearValues) //nolint:contextcheck // another request
		reload(t, r, s, nil)
		if len(s.Names()) != 0 {
			t.Errorf("values %q after Clear", s.Names())
		}
	})
	wantNoCookie(t, res)
	if _, ok := read(v, counter); ok {
		t.Error("what was committed was made again by Reload")
	}
}

// A level is the other tab's, and its ticket's.
func TestReloadShowsNoRightsOfAnotherTicket(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", count))
	v.do(nothing)
	v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		v.do(stepUp)
		reload(t, r, s, nil)
		if s.SteppedUp("2fa") {
			t.Error("the old ticket is good for a level that the new one was given")
		}
	})
}

func TestReloadOfASessionThatHasEndedIsErrNotFound(t *testing.T) {
	t.Parallel()
	for _, ending := range endings {
		t.Run(ending.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t)
				v := e.seed(ending.seed)
				late := v.fork()
				res := late.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					ending.end(e, v)
					for range 2 {
						reload(t, r, s, session.ErrNotFound)
						if len(s.Names()) != 0 || s.Subject() != "" {
							t.Errorf("values %q, subject %q", s.Names(), s.Subject())
						}
					}
					if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
						t.Errorf("Commit: %v, want ErrNotFound", err)
					}
				})
				wantStatus(t, res, http.StatusOK)
				wantNoCookie(t, res)
				if ending.goes {
					wantGoesOn(t, v)
				}
			})
		})
	}
}

// Whoever holds a ticket that was replaced does not learn more, and loses nothing.
func TestReloadWithARetiredTicketIsErrRetiredAndChangesNothing(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", count))
	v.do(nothing)
	v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		v.do(both(renew, count)) //nolint:contextcheck // another request
		v.do(buyHat)             //nolint:contextcheck // and the first with the new ticket
		count(w, r, s)
		reload(t, r, s, session.ErrRetired)
		if counter.Get(s) != 2 || s.Has("cart") {
			t.Errorf("counter %d, want 2; a cart: %v", counter.Get(s), s.Has("cart"))
		}
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit: %v", err)
		}
	})
	if n, _ := read(v, counter); n != 3 {
		t.Errorf("counter %d, want 3", n)
	}
}

func TestReloadThatTheStoreCanNotAnswerChangesNothing(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	v := e.login("ann", count)
	v.do(nothing)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		d.taken()
		e.store.fail(errDown, opLoad)
		reload(t, r, s, errDown)
		wantEvents(t, &d, "store error")
		e.store.reset()
		if counter.Get(s) != 2 || s.Subject() != "ann" {
			t.Errorf("counter %d, want 2; subject %q", counter.Get(s), s.Subject())
		}
	})
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

func TestReloadLeavesALoginToTheNextCommit(t *testing.T) {
	t.Parallel()
	for name, seed := range map[string]handler{"a new visitor": nil, "anonymous": count, "signed in": signIn("ann", count)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.visitor()
			if seed != nil {
				v = e.seed(seed)
			}
			old := v.fork()
			v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.Authenticate("ann")
				e.store.taken()
				reload(t, r, s, nil)
				if calls := e.store.taken(); calls[opUpdate]+calls[opCreate] != 0 {
					t.Errorf("store calls %v: Reload has signed somebody in", calls)
				}
				if s.Subject() != "ann" {
					t.Errorf("subject %q", s.Subject())
				}
			})
			if v.ticket() == old.ticket() {
				t.Error("nobody has signed in")
			}
		})
	}
}

func TestReloadOfWhatIsNotStoredDoesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	inCookie := e.visitor().with(e.cookieOnly())
	inCookie.do(count)
	for what, v := range map[string]*visitor{"a new session": e.visitor(), "one in its cookie": inCookie} {
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			before := counter.Get(s)
			reload(t, r, s, nil)
			if counter.Get(s) != before {
				t.Errorf("%s: counter %d, want %d", what, counter.Get(s), before)
			}
		})
	}
	quiet := e.seed(signIn("ann", count))
	if _, err := e.record(quiet); err != nil {
		t.Fatal(err)
	}
	old := quiet.fork()
	quiet.do(destroy)
	old.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { reload(t, r, s, session.ErrNotFound) })
}

// A login joins the session of a ticket whose time was found to be over, and leaves the
// visitor's other browsers in it.
func TestALoginAfterAReloadLeavesWhatOthersHave(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, time.Hour })
		b := member(e)
		other := b.at(e.m)
		pass(30 * time.Minute)
		other.do(authenticate)
		res := b.ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			pass(31 * time.Minute)
			reload(t, r, s, session.ErrNotFound)
			authenticate(w, r, s)
		})
		wantStatus(t, res, http.StatusOK)
		other.wantSignedIn()
		b.take(res)
		b.wantSignedIn()
	})
}

// What a handler asks for and can't have is no failure of the store.
func TestReloadTellsOfNoFailureWhereAValueDoesNotDecode(t *testing.T) {
	t.Parallel()
	var d diary
	e := newEnv(t, d.keep)
	v := e.seed(count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[string](counter.Name()).Set(s, "of another version")
		})
		d.taken()
		reload(t, r, s, session.ErrDecode)
		if kinds := d.kinds(); len(kinds) > 0 {
			t.Errorf("events %q", kinds)
		}
	})
}

// The answers to a login as somebody else were lost. Reload finds that it has landed, and
// the session before it ends all the same.
func TestReloadFindsALoginAndWhatItReplaces(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("bob", count))
	v.do(nothing)
	bobs := v.fork()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		e.store.lose(errDown, opCreate)
		commitFails(t, r, s)
		e.store.reset()
		e.store.fail(errDown, opLoad)
		commitFails(t, r, s)
		e.store.reset()
		reload(t, r, s, nil)
	})
	var who string
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { who = s.Subject() })
	if who != "ann" {
		t.Errorf("signed in is %q", who)
	}
	if !e.ended(bobs) {
		t.Error("bob's session goes on")
	}
}

func commitFails(tb testing.TB, r *http.Request, s *session.Session) {
	tb.Helper()
	if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
		tb.Errorf("Commit: %v, want %v", err, errDown)
	}
}

// TestWhatHasEndedForOneTicketIsWrittenByNoneOfItsRequests has a ticket's time be over, while
// another is good for the session, and the request have another cookie's session to end, or bring
// one of another system.
func TestWhatHasEndedForOneTicketIsWrittenByNoneOfItsRequests(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]func() handler{
		"a change":       func() handler { return count },
		"an old session": func() handler { return goOn(new(error)) },
	} {
		for _, ends := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, ends another %t", what, ends), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t, bound)
					other, short := e.visitor(), e.visitor()
					other.from("Browser/2", home, count)
					short.from(agent, home, signIn("ann", setIdle(time.Minute), count))
					short.from(agent, home, nothing)
					long := short.fork()
					long.from(agent, home, authenticate)
					if ends {
						short.cookie.Value = other.cookie.Value + "; " + short.cookie.Name + "=" + short.cookie.Value
					}
					r := request(t, short.cookie.Name+"="+short.cookie.Value)
					r.Header.Set("User-Agent", agent)
					r.RemoteAddr = home
					serveRequest(e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						pass(time.Minute)
						reload(t, r, s, session.ErrNotFound)
						then()(w, r, s)
					}), r)
					long.from(agent, home, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
						if s.Subject() != "ann" || counter.Get(s) != 1 {
							t.Errorf("%q counts %d", s.Subject(), counter.Get(s))
						}
					})
				})
			})
		}
	}
}
