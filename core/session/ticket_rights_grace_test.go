package session_test

import (
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// moved returns a visitor with a ticket that was handed out just now, because of its
// age, and one with the ticket from before it.
func moved(t *testing.T, configure ...func(*session.Options)) (v, old *visitor) {
	t.Helper()
	v = newEnv(t, append(configure, renewing)...).seed(signIn("ann", count))
	v.do(nothing)
	old = v.fork()
	pass(renewEvery)
	v.do(count)
	if v.ticket() == old.ticket() {
		t.Fatal("no ticket was handed out")
	}
	return v, old
}

func TestTheOldTicketIsGoodUntilTheNewOneIsSeenAndWorksForTheGraceAfterIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		seen  bool
		after time.Duration
		works bool
	}{
		{"good while the new one is not seen", false, renewGrace + renewEvery, true},
		{"retired at once", true, 0, true},
		{"works at T-1ns", true, renewGrace - 1, true},
		{"quiet at T", true, renewGrace, false},
		{"quiet long after", true, renewEvery, false},
	} {
		for what, work := range map[string]handler{"read": nothing, "write": count} {
			t.Run(c.name+"/"+what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					v, old := moved(t)
					if c.seen {
						v.do(nothing)
					}
					pass(c.after)
					late := old.fork()
					res := late.do(work)
					wantStatus(t, res, http.StatusOK)
					if c.seen {
						wantNoCookie(t, res)
					}
					if alive(old) != c.works {
						t.Errorf("the old ticket works: %v, want %v", !c.works, c.works)
					}
					want := 2
					if what == "write" && c.works {
						want = 3
					}
					if !c.seen {
						v = old // the browser has no other
					}
					if n, _ := read(v, counter); n != want {
						t.Errorf("counter %d, want %d", n, want)
					}
				})
			})
		}
	}
}

func TestALateTouchDoesNotLengthenTheGrace(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("store without Touch %v", plain), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				configure := func(o *session.Options) { o.TouchInterval = time.Second }
				e := newEnv(t, renewing, configure)
				if plain {
					e.m = e.manager(plainStore{e.store}, renewing, configure)
				}
				v := e.seed(signIn("ann", count))
				v.do(nothing)
				old := v.fork()
				finish := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					w.WriteHeader(http.StatusOK) // from now on it can only be touched
					pass(renewEvery)
					v.do(nothing) //nolint:contextcheck // another request
					v.do(nothing) //nolint:contextcheck // and the first with the new ticket
					pass(renewGrace - 1)
					if err := s.Commit(r.Context()); err != nil {
						t.Errorf("Commit: %v", err)
					}
				})
				wantNoCookie(t, finish())
				if !alive(old) {
					t.Error("dead 1 ns before the grace is over")
				}
				pass(1)
				if alive(old) {
					t.Error("alive when the grace is over")
				}
				if !alive(v) {
					t.Error("the visitor is logged out")
				}
			})
		})
	}
}

func TestARequestUnderWayKeepsItsSessionPastTheGrace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t, renewing).seed(signIn("ann", count))
		v.do(nothing)
		old := v.fork()
		finish, logout := v.fork().slow(count), v.fork().slow(destroy)
		slower := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			for range 2 { // it gets no ticket by being slower still, either
				count(w, r, s)
				if err := s.Commit(r.Context()); err != nil {
					t.Errorf("Commit: %v", err)
				}
				pass(renewEvery)
				v.do(nothing) //nolint:contextcheck // another request
				v.do(nothing) //nolint:contextcheck // and the first with the new ticket
			}
		})
		pass(renewEvery)
		v.do(nothing)
		v.do(nothing)
		pass(renewGrace)
		wantNoCookie(t, finish())
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
		if alive(old) {
			t.Error("the old ticket is good after the grace")
		}
		wantNoCookie(t, slower())
		if n, _ := read(v, counter); n != 4 {
			t.Errorf("counter %d, want 4", n)
		}
		logout()
		if alive(v) {
			t.Error("the session has survived a logout that was under way")
		}
	})
}

func TestAStreamExtendsItsSessionPastARenewal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		ops  []op // down when the stream first looks for its session again
	}{{"well", nil}, {"after an outage", []op{opLoad}}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, renewing)
				v := e.seed(signIn("ann", count))
				v.do(nothing)
				res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					w.WriteHeader(http.StatusOK)
					pass(renewEvery)
					v.do(nothing) //nolint:contextcheck // another request
					v.do(nothing) //nolint:contextcheck // and the first with the new ticket
					e.store.fail(errDown, c.ops...)
					for range 2 * session.DefaultAbsoluteTimeout / renewEvery / 3 {
						if err := s.Commit(r.Context()); err != nil {
							t.Fatalf("Commit: %v", err)
						}
						e.store.reset()
						pass(renewEvery)
					}
				})
				wantNoCookie(t, res)
				if !alive(v) {
					t.Error("it has timed out")
				}
			})
		})
	}
}
