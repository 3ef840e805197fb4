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
	name string
	work handler
	ends bool // the session is over afterwards
	cuts bool // it goes on, but there is no grace
}{
	{"a reader", nothing, false, false},
	{"a writer", count, false, false},
	{"Destroy", destroy, true, false},
	{"Authenticate", authenticate, false, true},
	{"Renew", renew, false, true},
	{"StepUp", stepUp, false, true},
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
// of its calls of the store. The other one's process renews tokens as well, or not:
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
							renewer, other := v.fork(), v.fork()
							if !alike {
								other = other.with(e.manager(e.indexed()))
							}
							renewing := nothing
							if renewal == "writes" {
								renewing = countFor("ann")
							}
							pass(renewEvery)
							first, second := func() { renewer.do(renewing) }, func() { other.do(m.work) }
							if outer {
								first, second = second, first
							}
							met := e.store.meet(n, second)
							first()
							e.store.reset()
							if !met() {
								return // it makes fewer calls
							}
							w := wantAfterMeeting{old: v, renewer: renewer, other: other, writers: 0}
							if renewal == "writes" {
								w.writers++
							}
							if m.name == "a writer" {
								w.writers++
							}
							switch {
							case m.ends:
								w.nobody(t, e)
							default:
								w.oneSession(t, e, l, m.cuts, outer)
							}
						})
					})
				}
			}
		}
	}
}

// wantAfterMeeting checks what is left after two requests have met.
type wantAfterMeeting struct {
	old, renewer, other *visitor
	writers             int
}

func (w wantAfterMeeting) nobody(t *testing.T, e *env) {
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

// oneSession wants one session, and the browser to have its ticket: the one that
// came last.
func (w wantAfterMeeting) oneSession(t *testing.T, e *env, l *ledger, cut, otherEndsLast bool) {
	t.Helper()
	last, before := w.renewer, w.other
	if otherEndsLast {
		last, before = before, last
	}
	browser := last
	if last.id() == w.old.id() {
		browser = before // the last answer has set no cookie
	}
	if !alive(browser) {
		t.Error("the visitor is logged out")
		return
	}
	n, _ := read(browser, counter)
	if most := 1 + w.writers; n > most || !cut && n != most {
		t.Errorf("counter %d, want %d", n, most)
	}
	if list := e.list("ann"); len(list) != 1 {
		t.Errorf("%d sessions in the list, want 1", len(list))
	}
	if cut && alive(w.old) {
		t.Error("the old ticket is good after a change of privileges")
	}
	pass(renewGrace)
	if n := l.records(t); n != 1 {
		t.Errorf("%d records remain, want 1", n)
	}
	if w.old.id() != browser.id() && alive(w.old) {
		t.Error("the old ticket is good after the grace")
	}
}

func TestAChangeOfPrivilegesRightAfterARenewalCutsTheGraceShort(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		for _, with := range []string{"the new ticket", "the old ticket"} {
			t.Run(m.name+" with "+with, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e, _ := newIndexedEnv(t, renewing)
					v := e.login("ann", count)
					old := v.fork()
					pass(renewEvery)
					v.do(nothing)
					next := v.fork()
					if with == "the old ticket" {
						v = old.fork()
					}
					v.do(m.work)
					if alive(old) || alive(next) {
						t.Error("an older ticket is good still")
					}
					if m.ends {
						if list := e.list("ann"); v.cookie != nil || len(list) != 0 {
							t.Errorf("%d sessions remain", len(list))
						}
					} else if !alive(v) {
						t.Error("the visitor is logged out")
					}
				})
			})
		}
	}
}

// A request that was under way across the renewal ends the session as well.
func TestASlowRequestAcrossARenewalEndsTheSessionThatGoesOn(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t, renewing)
				v := e.login("ann", count)
				old, slow := v.fork(), v.fork()
				pass(renewEvery - time.Second)
				finish := slow.slow(m.work)
				pass(time.Second)
				v.do(count)
				pass(renewGrace / 2)
				wantStatus(t, finish(), http.StatusOK)
				if alive(old) || alive(v) {
					t.Error("an older ticket is good still")
				}
				if !m.ends {
					if n, _ := read(slow, counter); n != 2 {
						t.Errorf("counter %d, want 2", n)
					}
				}
			})
		})
	}
}

// A page that was asked for with the old ticket takes its time. Meanwhile the
// visitor signs in: the page must not replace the cookie of that.
func TestAFollowerHandsOutNoTicketThatIsDead(t *testing.T) {
	t.Parallel()
	for _, m := range meetings[2:] {
		for what, work := range map[string]handler{"reads": nothing, "writes": count} {
			t.Run(m.name+" while it "+what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e, _ := newIndexedEnv(t, renewing)
					v := e.login("ann", count)
					late := v.fork()
					pass(renewEvery)
					v.do(nothing)
					finish := late.slow(work)
					v.do(m.work)
					res := finish()
					wantStatus(t, res, http.StatusOK)
					wantNoCookie(t, res)
				})
			})
		}
	}
}

// The same, with the end in the middle of the follower's commit.
func TestAFollowerWhoseSessionEndsDuringItsCommitHandsOutNoTicket(t *testing.T) {
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
					v.do(nothing)
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

func TestARenewalInTheOtherManagerIsFollowed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(count)
		late := v.fork()
		late.m = e.manager(e.store) // of a process without RenewEvery, in a rolling deployment
		pass(renewEvery)
		v.do(nothing)
		late.do(count)
		if late.id() != v.id() {
			t.Error("the old ticket does not lead to the new one")
		}
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
	})
}
