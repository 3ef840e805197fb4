package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestALateFirstAnswerIsGoodBesideANewerTicket has two requests with the same old session be
// answered with one ticket. The visitor has used it, and got another one, when the second of
// the answers arrives and brings it again.
func TestALateFirstAnswerIsGoodBesideANewerTicket(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]handler{
		"renew": renew, "sign in again": authenticate,
		"step up": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.StepUp("admin", time.Hour) },
	} {
		for _, had := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				var err error
				v := e.visitor()
				if had {
					v = e.seed(nothingButKept)
				}
				late := v.fork()
				v.do(goOn(&err))
				late.do(goOn(&err))
				first := v.fork()
				v.do(then)
				v.do(then)
				pass(5 * time.Minute)
				for range 2 { // and is handed another one then
					late.do(renew)
					pass(time.Minute)
					wantAnn(t, late, 1)
				}
				if v.do(nothing); late.ticket() == first.ticket() || err != nil {
					t.Errorf("%s, had %t: no new ticket, %v", what, had, err)
				}
				wantAnn(t, v, 1)
			})
		}
	}
}

// TestAFirstAnswerThatNobodyWaitsForIsDropped has the ticket that several answers may have
// brought be worth nothing when the last of them must have arrived.
func TestAFirstAnswerThatNobodyWaitsForIsDropped(t *testing.T) {
	t.Parallel()
	for _, wait := range []time.Duration{0, 11 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			var err error
			v := e.visitor()
			v.do(goOn(&err))
			first := v.fork()
			v.do(nothing)
			pass(wait)
			v.do(renew)
			v.do(nothing)
			pass(11*time.Minute - wait + time.Minute)
			if wait == 0 { // by who writes next
				v.do(count)
			}
			if err != nil || alive(first) {
				t.Errorf("after %v: the first ticket is good, %v", wait, err)
			}
			later := e.visitor()
			later.do(goOn(&err))
			v.do(count)
			n, _ := read(v, counter)
			wantAnn(t, later, n)
		})
	}
}

// TestATicketIsInFewAnswersOnly has requests with the old session come so late that answers to
// them could be under way when nobody waits for the ticket of the first any more.
func TestATicketIsInFewAnswersOnly(t *testing.T) {
	t.Parallel()
	for _, seen := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			told := 0
			e := newEnv(t, func(o *session.Options) {
				o.OnEvent = func(_ context.Context, e session.Event) {
					if e.Kind == session.EventSeen {
						told++
					}
				}
			})
			var err error
			v, soon, later := e.visitor(), e.visitor(), e.visitor()
			v.do(goOn(&err))
			if seen {
				v.do(nothing)
			}
			pass(50 * time.Second)
			soon.do(goOn(&err))
			pass(20 * time.Second)
			later.do(goOn(&err))
			if soon.ticket() != v.ticket() || later.ticket() == v.ticket() || later.ticket() == "" || err != nil {
				t.Errorf("seen %t: %q, then %q, then %q, %v", seen, v.ticket(), soon.ticket(), later.ticket(), err)
			}
			if !seen && told > 0 {
				t.Error("a ticket was seen that nobody has presented")
			}
			wantAnn(t, later, 1)
			wantAnn(t, v, 1)
		})
	}
}

// TestWhoShowsTheOldSessionLaterDrivesNobodyOut has another browser, or a thief, have a copy of
// it: they have proved nothing that would end what others hold.
func TestWhoShowsTheOldSessionLaterDrivesNobodyOut(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]handler{"reads": nothing, "renews": renew, "signs in again": authenticate} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			var err error
			v, later := e.visitor(), e.visitor()
			v.do(goOn(&err))
			v.do(then)
			v.do(nothing)
			pass(20 * time.Minute)
			later.do(goOn(&err))
			wantAnn(t, later, 1)
			pass(5 * time.Minute)
			if wantAnn(t, v, 1); t.Failed() || err != nil {
				t.Errorf("who %s: %v", what, err)
			}
			wantAnn(t, later, 1)
		})
	}
}

// TestAnAnonymousSessionGoesOnLater has its ticket never be replaced, and so be handed out for as
// long as nobody has signed in.
func TestAnAnonymousSessionGoesOnLater(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		one, other := e.visitor(), e.visitor()
		goOnAsNobody(t, one, count)
		pass(5 * time.Minute)
		goOnAsNobody(t, other, count)
		if n, _ := read(one, counter); n != 3 || one.ticket() != other.ticket() {
			t.Errorf("they do not share one session; it counts %d", n)
		}
	})
}

// What a login has taken the place of is over when its ticket is seen. What begins in that
// place later is another's.
func TestALogoutEndsNothingThatHasBegunSinceInTheOldSessionsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		bob, ann := e.visitor(), e.visitor()
		bob.do(goOn(&err, signIn("bob")))
		bob.do(nothing)
		pass(11 * time.Minute)
		if ann.do(goOn(&err)); err != nil {
			t.Error(err)
		}
		bob.do(destroy)
		ann.is("ann", "")
	})
}
