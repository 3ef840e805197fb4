package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// storeCalls is more than any request of these tests makes.
const storeCalls = 9

// What meets a renewal at the worst moment.
var meetings = []struct {
	name  string
	work  handler
	moves bool // the answer hands out a ticket of its own
	ends  bool // the session is over afterwards
}{
	{"a reader", nothing, false, false},
	{"a writer", count, false, false},
	{"Destroy", destroy, false, true},
	{"Authenticate", authenticate, true, false},
	{"Renew", renew, true, false},
	{"Reauthenticate", reauthenticate, true, false},
	{"StepUp", stepUp, true, false},
}

// countFor counts a subject's requests, and leaves no session to others.
func countFor(subject string) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if s.Subject() == subject {
			count(w, r, s)
		}
	}
}

// When a renewal is due, each of two requests is interrupted by the other at each
// of its calls of the store. The other one's process renews tickets as well, or not:
// while RenewEvery is being introduced, both are at work.
func TestWhateverMeetsARenewalFindsOneSession(t *testing.T) {
	t.Parallel()
	for _, m := range meetings {
		for _, renewal := range []string{"reads", "writes"} {
			for i := range 4 {
				outer, alike := i&1 != 0, i&2 != 0
				for n := 1; n <= storeCalls; n++ {
					name := fmt.Sprintf("%s, renewal that %s, outside %v, processes alike %v, call %d", m.name, renewal, outer, alike, n)
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							e, l := newIndexedEnv(t, renewing)
							v := e.login("ann", count)
							v.do(nothing)
							renewer, other := v.fork(), v.fork()
							if !alike {
								other = other.with(e.manager(e.indexed()))
							}
							w := meeting{old: v, renewer: renewer, other: other, writers: 0}
							renewing := nothing
							if renewal == "writes" {
								renewing = countFor("ann")
								w.writers++
							}
							if m.name == "a writer" {
								w.writers++
							}
							pass(renewEvery)
							first, second := func() { renewer.do(renewing) }, func() { other.do(m.work) }
							if outer {
								first, second = second, first
							}
							met := e.store.meet(n, second)
							first()
							e.store.reset()
							switch {
							case !met(): // it makes fewer calls
							case m.ends:
								w.nobody(t, e)
							default:
								w.oneSession(t, e, l, m.moves)
							}
						})
					})
				}
			}
		}
	}
}

// A meeting is what is left when two requests have met.
type meeting struct {
	old, renewer, other *visitor
	writers             int
}

func (w *meeting) nobody(t *testing.T, e *env) {
	t.Helper()
	for _, v := range []*visitor{w.old, w.renewer, w.other} {
		if v.cookie != nil && alive(v) {
			t.Error("the session has survived its end")
		}
	}
	if list := e.list("ann"); len(list) != 0 {
		t.Errorf("%d sessions in the list, want none", len(list))
	}
}

// oneSession wants one session, and the browser to be in it whichever answer it has
// got, if any: each ticket that was handed out is good, and the old one is until
// another is seen.
func (w *meeting) oneSession(t *testing.T, e *env, l *ledger, moves bool) {
	t.Helper()
	if !alive(w.old) {
		t.Error("the visitor who has got no answer is logged out")
	}
	browser := w.renewer
	if moves {
		if w.other.ticket() == w.old.ticket() {
			t.Error("no ticket was handed out for the change of privileges")
		}
		browser = w.other
	} else if w.renewer.ticket() == w.old.ticket() {
		browser = w.other // it has come first, and renewed the ticket in its place
	}
	for _, v := range []*visitor{w.renewer, w.other, w.renewer} {
		if !alive(v) {
			t.Error("the visitor is logged out with a ticket that was handed out")
		}
	}
	if n, _ := read(browser, counter); n != 1+w.writers {
		t.Errorf("counter %d, want %d", n, 1+w.writers)
	}
	if list := e.list("ann"); len(list) != 1 {
		t.Errorf("%d sessions in the list, want 1", len(list))
	}
	pass(renewGrace)
	if n := l.records(t); n != 1 {
		t.Errorf("%d records remain, want 1", n)
	}
	if w.renewer.ticket() != w.old.ticket() && w.other.ticket() != w.old.ticket() && alive(w.old) {
		t.Error("the old ticket is good after the grace")
	}
	if !alive(browser) {
		t.Error("the visitor is logged out after the grace")
	}
}

// What a request does with a ticket that was retired: a logout ends the session, a
// login joins it, and nothing else moves it.
func TestWithARetiredTicketASessionIsEndedOrSignedInToAgain(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		for _, slow := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, under way before the renewal: %v", m.name, slow), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e, _ := newIndexedEnv(t, renewing)
					v := e.login("ann", count)
					v.do(nothing)
					late := v.fork()
					pass(renewEvery - time.Second)
					finish := func() *http.Response { return late.do(m.work) }
					if slow {
						finish = late.slow(m.work)
					}
					pass(time.Second)
					v.do(nothing)
					v.do(nothing) // the new ticket is seen
					old := late.fork()
					res := finish()
					switch {
					case m.ends:
						if alive(v) || alive(old) || len(e.list("ann")) != 0 {
							t.Error("the session has survived its end")
						}
						return
					case m.name == "Authenticate":
						wantStatus(t, res, http.StatusOK)
						if late.ticket() == old.ticket() || late.id() != v.id() || !alive(late) {
							t.Error("the login has not joined the session")
						}
					default:
						wantStatus(t, res, http.StatusConflict)
						wantNoCookie(t, res)
					}
					if !alive(v) || len(e.list("ann")) != 1 {
						t.Error("the visitor is logged out")
					}
				})
			})
		}
	}
}

// A page that was asked for with the old ticket takes its time. Meanwhile the
// visitor signs in, say: the page must not replace the cookie of that.
func TestALatePageHandsOutNoTicketOverAnother(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		for what, work := range map[string]handler{"reads": nothing, "writes": count} {
			for _, seen := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s while it %s, the new ticket is seen: %v", m.name, what, seen), func(t *testing.T) {
					t.Parallel()
					synctest.Test(t, func(t *testing.T) {
						e, _ := newIndexedEnv(t, renewing)
						v := e.login("ann", count)
						v.do(nothing)
						late := v.fork()
						pass(renewEvery)
						finish := late.slow(work)
						v.do(m.work)
						if seen {
							v.do(nothing)
						}
						res := finish()
						wantStatus(t, res, http.StatusOK)
						wantNoCookie(t, res)
					})
				})
			}
		}
	}
}

// The same, with the move, or the end, in the middle of the late request's commit.
func TestARequestWhoseSessionMovesDuringItsCommitHandsOutNoDeadTicket(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		for n := 1; n <= storeCalls; n++ {
			t.Run(fmt.Sprintf("%s at call %d", m.name, n), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e, _ := newIndexedEnv(t, renewing)
					v := e.login("ann", count)
					late := v.fork()
					pass(renewEvery - time.Second)
					finish := late.slow(count)
					pass(time.Second)
					met := e.store.meet(n, func() { v.do(m.work) })
					res := finish()
					e.store.reset()
					if !met() {
						return
					}
					for _, c := range res.Cookies() {
						if late.cookie = c; !alive(late) {
							t.Error("it has handed out a dead ticket")
						}
					}
				})
			})
		}
	}
}

func TestAProcessWithoutRenewEveryWorksOnWithBothTickets(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(signIn("ann", count))
		old := v.fork()
		old.m = e.manager(e.store) // in a rolling deployment
		pass(renewEvery)
		v.do(nothing)
		next := v.fork()
		next.m = old.m
		for _, v := range []*visitor{old, next, old} {
			wantNoCookie(t, v.do(count))
		}
		if n, _ := read(v, counter); n != 4 {
			t.Errorf("counter %d, want 4", n)
		}
	})
}
