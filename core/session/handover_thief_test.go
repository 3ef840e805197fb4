package session_test

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// sight is what a request finds.
type sight struct {
	subject, name string
	level         bool
	secret        []byte
}

// sees returns what the next request finds, and loses the answer.
func (b *browser) sees() (found sight) {
	b.tb.Helper()
	wantStatus(b.tb, b.ask(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		found = sight{s.Subject(), name.Get(s), s.SteppedUp("2fa"), s.Secret("csrf")}
	}), http.StatusOK)
	return found
}

// wantNothing checks that a ticket is good for nothing: nothing is read, stored or
// handed out.
func (b *browser) wantNothing(when string) {
	b.tb.Helper()
	if found := b.sees(); found.subject != "" || found.name != "" || found.level {
		b.tb.Errorf("%s: a request finds %+v", when, found)
	}
	if res := b.ask(fillCart); offers(res) {
		b.tb.Errorf("%s: an answer hands out a ticket", when)
	}
	for _, try := range []handler{renew, stepTo("2fa", time.Hour)} {
		if res := b.ask(try); offers(res) {
			b.tb.Errorf("%s: a move hands out a ticket", when)
		}
	}
}

// private is what a visitor does when they are signed in.
func private(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "private") }

// TestAPlantedTicketIsWorthlessFromTheLoginOn has a thief who has the visitor's
// ticket from before, because it was theirs (session fixation). The login's answer is
// lost, or taken.
func TestAPlantedTicketIsWorthlessFromTheLoginOn(t *testing.T) {
	t.Parallel()
	for _, lost := range []bool{true, false} {
		t.Run(fmt.Sprintf("answer lost %v", lost), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				thief := newBrowser(e)
				thief.shop()
				planted := thief.sees().secret
				visitor := thief.at(e.m)
				login := visitor.ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					authenticate(w, r, s)
					private(w, r, s)
				})
				for range 3 {
					thief.wantNothing("after the login")
					pass(3 * time.Minute)
				}
				if !lost {
					visitor.take(login)
					visitor.wantSignedIn()
					thief.do(destroy)
					visitor.wantSignedIn()
					if bytes.Equal(visitor.sees().secret, planted) {
						t.Error("the visitor's forms carry a secret that the thief knows")
					}
				}
				pass(30 * time.Minute)
				if found := thief.sees(); found.subject != "" || found.name != "" {
					t.Errorf("later: the thief finds %+v", found)
				}
			})
		})
	}
}

// TestARequestThatTricklesInFromBeforeALoginLearnsNothing has a thief who began it with
// the planted ticket, and finishes it when the visitor has signed in.
func TestARequestThatTricklesInFromBeforeALoginLearnsNothing(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, 20 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			thief := newBrowser(e)
			thief.shop()
			visitor := thief.at(e.m)
			finish := thief.start(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				runs := 0
				name.Update(s, func(old string) string {
					if runs++; old == "private" {
						t.Error("a function that was given to Update sees what the visitor has set")
					}
					return "thief"
				})
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("Commit: %v, want ErrNotFound", err)
				}
				if err := s.Reload(r.Context()); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("Reload: %v, want ErrNotFound", err)
				}
				if s.Subject() != "" || name.Get(s) == "private" || runs > 1 {
					t.Errorf("it finds %q's session, %q; Update's function ran %d times", s.Subject(), name.Get(s), runs)
				}
				s.Renew()
			})
			visitor.do(authenticate)
			visitor.do(private)
			pass(pause)
			wantNoTicket(t, finish())
			visitor.wantSignedIn()
			if found := visitor.sees(); found.name != "private" {
				t.Errorf("the visitor finds %+v", found)
			}
		})
	}
}

// TestARetiredTicketProvesNothingMore has a thief with the ticket that was in use
// before a move, which the visitor has taken.
func TestARetiredTicketProvesNothingMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		told := &diary{}
		e := newEnv(t, told.keep)
		visitor := member(e)
		visitor.do(private)
		thief := visitor.at(e.m)
		slow := thief.start(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := s.Reload(r.Context()); !errors.Is(err, session.ErrRetired) {
				t.Errorf("Reload of a request that had the session: %v, want ErrRetired", err)
			}
		})
		visitor.do(stepTo("2fa", time.Hour))
		if !visitor.sees().level || thief.sees().level {
			t.Error("the level is not the new ticket's alone")
		}
		for _, try := range []handler{renew, stepTo("2fa", time.Hour), setPersistent(true)} {
			res := thief.ask(try)
			wantStatus(t, res, http.StatusConflict)
			wantNoTicket(t, res)
		}
		if thief.sees().level {
			t.Error("a level that could not be handed out is there")
		}
		pass(session.DefaultRenewGrace)
		slow()
		told.taken()
		thief.wantNothing("after the grace")
		reused := 0
		for _, event := range told.taken() {
			if event.Kind == session.EventReused {
				reused++
			}
		}
		if reused == 0 {
			t.Error("nobody is told of a retired ticket that was presented after its grace")
		}
		thief.do(destroy)
		visitor.wantSignedIn()
	})
}

// TestOffersThatAThiefHasBankedGo has a thief with the visitor's ticket who collects
// new ones for later. The visitor goes on and writes now and then.
func TestOffersThatAThiefHasBankedGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		visitor := member(e)
		visitor.do(private)
		var banked []*browser
		for range 6 {
			thief := visitor.at(e.m)
			thief.do(renew)
			banked = append(banked, thief)
		}
		pass(10*time.Minute + time.Second)
		visitor.do(count)
		for _, thief := range banked {
			thief.wantNothing("an offer that was kept for later")
		}
		visitor.do(renew)
		visitor.wantSignedIn()
	})
}

// TestAThiefWhoDropsTheVisitorsAnswersSignsNobodyOut has one in the network who can't read them
// but holds an old ticket.
func TestAThiefWhoDropsTheVisitorsAnswersSignsNobodyOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewed)
		visitor := member(e)
		thief := visitor.at(e.m)
		visitor.do(renew)
		visitor.wantSignedIn()
		pass(time.Minute)
		for range 300 {
			visitor.ask(count)
			visitor.ask(renew)
			thief.wantNothing("an old ticket")
			pass(7 * time.Minute)
		}
		visitor.wantSignedIn()
		visitor.do(renew)
		visitor.wantSignedIn()
	})
}
