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

func TestContinueDoesNothingWhereThereIsASession(t *testing.T) {
	t.Parallel()
	for what, begin := range map[string]handler{"anonymous": count, "bob's": signIn("bob", count)} {
		e := newEnv(t)
		v := e.seed(begin)
		before := v.ticket()
		subject := "ann"
		if what == "anonymous" {
			subject = ""
		}
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			is := s.Subject()
			err := s.MoveIn(r.Context(), "over there", subject, func() error {
				t.Errorf("%s: fill is called", what)
				return nil
			})
			if err != nil || s.Subject() != is {
				t.Errorf("%s: %v, then it is %q's", what, err, s.Subject())
			}
		})
		if n, _ := read(v, counter); n != 1 || v.ticket() != before {
			t.Errorf("%s: it counts %d", what, n)
		}
	}
}

// TestAfterContinueHasFailedTheRequestGoesOn has the handler change something then.
func TestAfterContinueHasFailedTheRequestGoesOn(t *testing.T) {
	t.Parallel()
	for _, had := range []bool{false, true} {
		for why, fault := range map[string]func(*env){
			"fill":        func(*env) {},
			"down":        func(e *env) { e.store.fail(errDown, opCreate, opUpdate) },
			"answer lost": func(e *env) { e.store.lose(errDown, opCreate, opUpdate) },
		} {
			e := newEnv(t)
			v := e.visitor()
			if had {
				v = e.seed(nothingButKept)
			}
			before := v.ticket()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				fault(e)
				err := s.MoveIn(r.Context(), "over there", "ann", func() error {
					cart.Set(s, []string{"coat"})
					if why == "fill" {
						return errDown
					}
					return nil
				})
				e.store.reset()
				if count(w, r, s); !errors.Is(err, errDown) || s.Subject() != "" {
					t.Errorf("%s, had %t: %v, it is %q's", why, had, err, s.Subject())
				}
			})
			wantStatus(t, res, http.StatusOK)
			landed := had && why == "answer lost" // its ticket is of no use any more: another request has signed in, for all it knows
			if landed {
				continue
			}
			if had && v.ticket() != before {
				t.Errorf("%s: there is a new ticket", why)
			}
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != 1 || s.Subject() != "" || len(cart.Get(s)) > 0 {
					t.Errorf("%s, had %t: it is %q's and counts %d", why, had, s.Subject(), n)
				}
			})
		}
	}
}

// TestWhoseSessionWasFoundToHaveEndedDoesNotGoOn has another request end it, and this one learn
// that before.
func TestWhoseSessionWasFoundToHaveEndedDoesNotGoOn(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"over there", ""} {
		e := newEnv(t)
		v := e.seed(count)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			v.fork().do(destroy) //nolint:contextcheck // another request
			count(w, r, s)
			ended := s.Commit(r.Context())
			err := s.MoveIn(r.Context(), name, "ann", func() error { return nil })
			if !errors.Is(ended, session.ErrNotFound) || !errors.Is(err, session.ErrNotFound) || s.Subject() != "" {
				t.Errorf("%q: %v, then %v; it is %q's", name, ended, err, s.Subject())
			}
		})
		if v.do(nothing); alive(v) {
			t.Errorf("%q: the ticket is good", name)
		}
	}
}

// TestWhoWasSignedOutWhileTheyGoOnHasNothing has that happen between the look whether it has and
// the write.
func TestWhoWasSignedOutWhileTheyGoOnHasNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	done := false
	e.store.intercept(func(ctx context.Context, o op) error {
		if o == opUpdate && !done {
			done = true
			if err := e.manager(e.mem).EndMovedIn(ctx, "over there", "ann"); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	var err error
	v.do(goOn(&err, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if _, has := counter.Lookup(s); has || s.Subject() != "" || s.ID() != "" {
			t.Errorf("it is %q's, and counts %t", s.Subject(), has)
		}
	}))
	if !errors.Is(err, session.ErrNotFound) || !done || alive(v) {
		t.Errorf("%v; done %t, the ticket is good %t", err, done, alive(v))
	}
}

// TestAnEndThatCanNotBeReadIsOne has another process, whose Sealer's key this one lacks, end what
// goes on with the old session.
func TestAnEndThatCanNotBeReadIsOne(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	if err := e.manager(e.store, sealed(t, session.GenerateKey())).EndMovedIn(t.Context(), "over there", "ann"); err != nil {
		t.Error(err)
	}
	var err error
	if v.do(goOn(&err)); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

func TestWhatItCostsToGoOn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		had  bool
		want map[op]int
	}{
		"new":            {false, map[op]int{opLoad: 1, opCreate: 1}},
		"with a session": {true, map[op]int{opLoad: 3, opUpdate: 1}}, // its own, and the other one before and behind the write
	} {
		e := newEnv(t)
		v := e.visitor()
		if c.had {
			v = e.seed(count)
		}
		e.store.taken()
		var err error
		v.do(goOn(&err))
		calls := e.store.taken()
		for _, o := range []op{opLoad, opCreate, opUpdate, opTouch, opDelete} {
			if calls[o] != c.want[o] {
				t.Errorf("%s: %v, want %v", name, calls, c.want)
				break
			}
		}
	}
}

// TestAFillThatReloadsIsPartOfIt has fill look whether another request has written.
func TestAFillThatReloadsIsPartOfIt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	late := v.fork()
	load := func(w *visitor) {
		w.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			ctx := r.Context()
			if err := s.MoveIn(ctx, "over there", "ann", func() error {
				_ = s.Reload(ctx) // the second one's ticket is of no use any more
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	load(v)
	if load(late); late.ticket() != v.ticket() {
		t.Error("the second request gets another ticket")
	}
	wantAnn(t, v, 1)
}

// TestWhoseSessionIsWrittenMeanwhileGoesOn has another request write the anonymous session
// between this one's Load and its Update.
func TestWhoseSessionIsWrittenMeanwhileGoesOn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	other := v.fork()
	met := e.store.meet(3, func() { other.do(count) })
	var err error
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		err = s.MoveIn(r.Context(), "over there", "ann", func() error { return nil })
	})
	if err != nil || !met() {
		t.Errorf("%v, met %t", err, met())
	}
	wantAnn(t, v, 3)
}

// TestWhatWasSetBeforeGoesAlong has a new visitor's request set something first, and another
// request have begun the session.
func TestWhatWasSetBeforeGoesAlong(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	one, other := e.visitor(), e.visitor()
	one.do(goOn(&err))
	other.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		cart.Set(s, []string{"hat"})
		goOn(&err)(w, r, s)
	})
	wantAnn(t, other, 1)
	if c, _ := read(one, cart); len(c) != 1 || err != nil {
		t.Errorf("the cart holds %q, %v", c, err)
	}
}

func TestNothingThatTravelsInItsCookieIsEndedByTheOldOne(t *testing.T) {
	t.Parallel()
	if err := newEnv(t).cookieOnly().EndMovedIn(t.Context(), "over there", "ann"); !errors.Is(err, session.ErrUnsupported) {
		t.Errorf("%v, want ErrUnsupported", err)
	}
}

// TestWhatIsGoneWhenSomebodyJoinsDoesNotBeginAgain has an administrator end the session between
// the Load and the Update of who comes later.
func TestWhatIsGoneWhenSomebodyJoinsDoesNotBeginAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		e.visitor().do(goOn(&err))
		pass(2 * time.Minute)
		later := e.visitor()
		e.store.meet(2, func() {
			if _, err := e.mem.DeleteAll(t.Context()); err != nil {
				t.Error(err)
			}
		})
		if later.do(goOn(&err)); !errors.Is(err, session.ErrNotFound) || later.cookie != nil {
			t.Errorf("%v", err)
		}
	})
}
