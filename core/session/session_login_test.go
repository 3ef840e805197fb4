package session_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// buyHat gives a session a cart with one hat in it.
func buyHat(_ http.ResponseWriter, _ *http.Request, s *session.Session) { cart.Set(s, []string{"hat"}) }

func TestAuthenticateGivesANewTicketAndKeepsTheCart(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(buyHat)
	old := v.fork()
	var publicID string
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		publicID = s.ID()
		s.Authenticate("ann")
		if s.Subject() != "ann" || s.Authenticated().IsZero() {
			t.Errorf("subject %q, authenticated %v", s.Subject(), s.Authenticated())
		}
	})
	if v.ticket() == old.ticket() {
		t.Fatal("the ticket is the old one")
	}
	if v.id() != old.id() {
		t.Error("the session has moved to another record")
	}
	if _, ok := read(old, cart); ok {
		t.Error("the ticket from before the first login still works")
	}
	if got, _ := read(v, cart); !slices.Equal(got, []string{"hat"}) {
		t.Errorf("cart %q, want [hat]", got)
	}
	r, err := e.record(v)
	if err != nil || r.Subject != "ann" {
		t.Errorf("the record's subject is %q (%v)", r.Subject, err)
	}
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.ID() != publicID || s.Subject() != "ann" || s.IsNew() {
			t.Errorf("id %q, subject %q, new %v", s.ID(), s.Subject(), s.IsNew())
		}
	})
}

// The first login's answer may be lost. A later login's may be, too, but then the
// visitor still has a ticket of the same account.
func TestTheTicketOfALoginReplacesThoseOfAnEarlierOneWhenItIsSeen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("ann", count))
		v.do(nothing)
		old := v.fork()
		v.do(authenticate)
		if !alive(old) {
			t.Error("the old ticket is dead before the new one was seen")
		}
		v.do(nothing)
		pass(renewGrace - 1)
		if !alive(old) {
			t.Error("the old ticket is dead 1 ns before the grace is over")
		}
		pass(1)
		if alive(old) || !alive(v) {
			t.Error("not the new ticket is the one that is good")
		}
	})
}

func TestAnotherSubjectInheritsNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", buyHat))
	anns := v.fork()
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if len(cart.Get(s)) != 1 {
			t.Error("the same subject has lost the cart")
		}
		s.Authenticate("bob")
		if cart.Get(s) != nil {
			t.Error("another subject has the cart")
		}
	})
	if got, ok := read(v, cart); ok {
		t.Errorf("bob's stored cart is %q", got)
	}
	if v.id() == anns.id() || !e.ended(anns) {
		t.Error("the session of the subject before has not ended")
	}
}

// The subject changes while a slow request is about to sign somebody else in:
// what counts is who was there when the change is made, not when it was asked for.
func TestAnotherSubjectInheritsNothingAfterAConflict(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	bob := v.fork()
	finish := bob.slow(signIn("bob"))
	v.do(signIn("ann", buyHat))
	wantStatus(t, finish(), http.StatusOK)
	bob.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "bob" || len(s.Names()) != 0 {
			t.Errorf("the slow request has signed %q in, to a session with %q in it", s.Subject(), s.Names())
		}
	})
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "ann" || len(cart.Get(s)) != 1 {
			t.Errorf("the other visitor's session is %q's, its cart %q", s.Subject(), cart.Get(s))
		}
	})
}

func TestRenewGivesANewTicketAndKeepsTheRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", count))
		old := v.fork()
		v.do(renew)
		if v.ticket() == old.ticket() || v.id() != old.id() {
			t.Error("no new ticket of the same session")
		}
		if !alive(old) {
			t.Error("the old ticket is dead before the new one was seen")
		}
		if n, _ := read(v, counter); n != 1 {
			t.Errorf("counter %d, want 1", n)
		}
		if r, err := e.record(v); err != nil || r.Subject != "ann" {
			t.Errorf("the record's subject is %q (%v)", r.Subject, err)
		}
		pass(renewGrace)
		if alive(old) || !alive(v) {
			t.Error("not the new ticket is the one that is good after the grace")
		}
	})
}

func TestRenewOfANewOrAnAnonymousSessionDoesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	wantNoCookie(t, e.visitor().do(renew))
	if calls := e.store.taken(); len(calls) != 0 {
		t.Errorf("store calls %v, want none", calls)
	}
	v := e.seed(count)
	wantNoCookie(t, v.do(renew))
	if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
		t.Errorf("store calls %v, want one Load", calls)
	}
}

// What a request with a retired ticket changes is saved; but it hands out no other.
func TestARetiredTicketRenewsNothingAndSavesTheRest(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"Renew": renew, "StepUp": stepUp, "SetPersistent": setPersistent(true)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			v := newEnv(t).seed(signIn("ann", count))
			old := v.fork()
			v.do(renew)
			v.do(nothing) // retires the old one
			res := old.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				work(w, r, s)
				count(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrRetired) {
					t.Errorf("Commit: %v, want ErrRetired", err)
				}
			})
			wantStatus(t, res, http.StatusOK)
			wantNoCookie(t, res)
			res = old.do(both(work, count))
			wantStatus(t, res, http.StatusConflict)
			wantNoCookie(t, res)
			if n, _ := read(v, counter); n != 3 {
				t.Errorf("counter %d, want 3", n)
			}
		})
	}
}
