package session_test

import (
	"context"
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const renewAge = 15 * time.Minute

// renewed renews tickets of sessions that last.
func renewed(o *session.Options) {
	o.RenewEvery = renewAge
	o.IdleTimeout, o.AbsoluteTimeout = 30*day, 400*day
}

// TestALostAnswerSignsNobodyOut loses the answer of a move, without which the visitor
// goes on, now or much later.
func TestALostAnswerSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, time.Second, 31 * time.Second, 9 * time.Minute, 20 * time.Minute, 50 * time.Minute} {
		t.Run(pause.String(), func(t *testing.T) {
			t.Parallel()
			eachMove(t, func(b *browser, m move) {
				if m.name == "a first login" {
					return // nobody has learned of it, see TestALostLoginIsJoined
				}
				for range 3 {
					wantStatus(b.tb, b.ask(m.make), http.StatusOK)
					pass(pause)
					b.wantSignedIn()
				}
				b.do(m.make)
				b.wantSignedIn()
			})
		})
	}
}

// TestALostLoginIsJoined loses the answer of a first login: who signs in once more
// finds the cart, and there is one session.
func TestALostLoginIsJoined(t *testing.T) {
	t.Parallel()
	for _, pause := range []time.Duration{0, time.Minute, 9 * time.Minute, 11 * time.Minute, 50 * time.Minute} {
		t.Run(pause.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				e.m = e.manager(e.mem)
				b := newBrowser(e)
				b.shop()
				b.ask(authenticate)
				pass(pause)
				b.do(look)
				b.do(authenticate)
				b.wantSignedIn()
				list, err := e.m.List(t.Context(), "ann")
				if err != nil || len(list) != 1 {
					t.Errorf("ann has %d sessions, %v, want 1", len(list), err)
				}
			})
		})
	}
}

// TestALostRenewalSignsNobodyOut has tickets that are renewed by age, and loses the
// answers that bring them.
func TestALostRenewalSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, page := range []struct {
		name string
		work handler
	}{{"reads", look}, {"writes", count}} {
		for _, lost := range []int{1, 2, 10, 100} {
			t.Run(fmt.Sprintf("a page %s, %d answers are lost", page.name, lost), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t, renewed)
					b := member(e)
					offered := 0
					for range lost {
						pass(renewAge + time.Second)
						if offers(b.ask(page.work)) {
							offered++
						}
						pass(31 * time.Second)
						b.ask(page.work)
					}
					if offered == 0 {
						t.Fatal("no ticket was ever offered")
					}
					pass(renewAge)
					if !offers(b.do(page.work)) {
						t.Error("the ticket is not renewed any more")
					}
					b.wantSignedIn()
				})
			})
		}
	}
}

// TestARequestThatWasGivenUpMovesNothing has a context that is done before the
// handler returns: nobody waits for the answer.
func TestARequestThatWasGivenUpMovesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewed)
		for _, m := range moves {
			b := newBrowser(e)
			m.before(b)
			ctx, giveUp := context.WithCancel(t.Context())
			wantNoTicket(t, b.send(b.request(ctx), func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				counter.Set(s, 7)
				m.make(w, r, s)
				giveUp()
			}))
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if cart.Get(s) == nil {
					t.Errorf("%s: the cart is gone", m.name)
				}
				login := m.name == "a first login" || m.name == "a login again"
				if n := counter.Get(s); n != 7 && !login || n != 0 && login {
					t.Errorf("%s: the counter is %d", m.name, n)
				}
			})
		}
		b := member(e)
		pass(renewAge + time.Second)
		ctx, giveUp := context.WithCancel(t.Context())
		giveUp()
		wantNoTicket(t, b.send(b.request(ctx), nothing))
		b.wantSignedIn()
	})
}

// TestAStoreThatFailsInTheMiddleOfAMoveSignsNobodyOut has it fail from its n-th call
// on, before or after it has acted, for 40 seconds. Afterwards the session is as it was,
// or saved, and the visitor, who has got an error, is as before.
func TestAStoreThatFailsInTheMiddleOfAMoveSignsNobodyOut(t *testing.T) {
	t.Parallel()
	byAge := move{"by age", func(b *browser) {
		b.signIn()
		pass(renewAge + time.Second)
	}, count}
	for _, m := range append([]move{byAge}, moves...) {
		for _, acts := range []bool{true, false} {
			for n := range int32(4) {
				t.Run(fmt.Sprintf("%s, call %d, acts %v", m.name, n, acts), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e := newEnv(t, renewed)
						b := newBrowser(e)
						m.before(b)
						e.store.reset()
						failFrom(e.store, n, acts)
						res := b.do(m.make)
						pass(40 * time.Second)
						e.store.reset()
						if m.name == "a first login" && res.StatusCode != http.StatusOK { // they try again
							wantNoTicket(t, res)
							b.do(authenticate)
						}
						b.wantSignedIn()
						wantStatus(t, b.do(m.make), http.StatusOK)
						b.wantSignedIn()
					})
				})
			}
		}
	}
}

// failFrom makes a store fail from its n-th call on. If acts, that call still does
// what it is asked for, and only its answer is lost.
func failFrom(s *faultyStore, n int32, acts bool) {
	var calls atomic.Int32
	s.intercept(func(context.Context, op) error {
		if i := calls.Add(1) - 1; i > n || i == n && !acts {
			return errDown
		}
		return nil
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.after = func(_ op, err error) error {
		if calls.Load() > n {
			return errDown
		}
		return err
	}
}

// TestALostLoginWithAnotherLifetimeSignsNobodyOut has somebody who is remembered, or
// not, sign in once more the other way, and loses the answer: it is as before.
func TestALostLoginWithAnotherLifetimeSignsNobodyOut(t *testing.T) {
	t.Parallel()
	remember := func(d time.Duration) handler {
		return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			s.Authenticate("ann")
			s.Remember(d)
		}
	}
	for name, c := range map[string]struct {
		first, second handler
		pause         time.Duration
	}{
		"remembered, then not":               {remember(30 * day), authenticate, 5 * day},
		"remembered for long, then shortly":  {remember(30 * day), remember(time.Hour), 5 * day},
		"not remembered, then for ten hours": {authenticate, remember(10 * time.Hour), 20 * time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				b := newBrowser(e)
				b.shop()
				b.do(c.first)
				for range 10 {
					b.wantSignedIn()
					pass(c.pause / 10)
				}
				b.ask(c.second)
				b.wantSignedIn()
				pass(c.pause)
				b.wantSignedIn()
				b.do(c.second)
				b.wantSignedIn()
			})
		})
	}
}

const day = 24 * time.Hour

// TestAVisitorWhoseTimeIsOverIsANewOne has lost the answer of a login that would have
// gone on: nobody else holds its ticket.
func TestAVisitorWhoseTimeIsOverIsANewOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, 30*day })
		b := member(e)
		pass(29 * day)
		b.ask(authenticate)
		pass(12 * time.Hour)
		b.wantSignedIn()
		pass(day)
		if who := b.sees().subject; who != "" {
			t.Errorf("signed in as %q after AbsoluteTimeout", who)
		}
		b.shop()
		b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if len(cart.Get(s)) == 0 {
				t.Error("nothing can be put into the cart")
			}
		})
		b.do(authenticate)
		b.wantSignedIn()
	})
}
