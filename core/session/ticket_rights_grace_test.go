package session_test

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestTheOldTicketWorksDuringTheGraceAndIsDeadAfterIt(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		good  bool
	}{
		{"at once", 0, true},
		{"good at T-1ns", renewGrace - 1, true},
		{"dead at T", renewGrace, false},
		{"dead long after", renewEvery, false},
	} {
		for what, work := range map[string]handler{"read": nothing, "write": count} {
			t.Run(c.name+"/"+what, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					v := newEnv(t, renewing).seed(count)
					late := v.fork()
					old := v.fork()
					pass(renewEvery)
					v.do(count)
					pass(c.after)
					res := late.do(work)
					wantStatus(t, res, http.StatusOK)
					if !c.good {
						if alive(old) || late.cookie != nil && late.id() == v.id() {
							t.Error("the old ticket gave the session")
						}
						return
					}
					want := 2
					if what == "write" {
						want = 3
					}
					if n, _ := read(v, counter); n != want {
						t.Errorf("counter %d, want %d", n, want)
					}
					if late.cookie.Value != v.cookie.Value {
						t.Error("the answer does not carry the new ticket")
					}
				})
			})
		}
	}
}

func TestALateTouchDoesNotLengthenTheGrace(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{false, true} {
		for _, plain := range []bool{false, true} {
			t.Run(fmt.Sprintf("persistent %v, store without Touch %v", persistent, plain), func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					configure := func(o *session.Options) { o.Cookie.Persistent, o.TouchInterval = persistent, time.Second }
					e := newEnv(t, renewing, configure)
					if plain {
						e.m = e.manager(plainStore{e.store}, renewing, configure)
					}
					v := e.seed(count)
					old := v.fork()
					finish := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
						w.WriteHeader(http.StatusOK) // from now on it can only be touched
						pass(renewEvery)
						v.do(nothing) //nolint:contextcheck // another request
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
}

func TestARequestUnderWayKeepsItsSessionPastTheGrace(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{false, true} {
		t.Run(fmt.Sprintf("persistent %v", persistent), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) { keepsItsSession(t, persistent) })
		})
	}
}

func keepsItsSession(t *testing.T, persistent bool) {
	t.Helper()
	v := newEnv(t, renewing, func(o *session.Options) { o.Cookie.Persistent = persistent }).seed(count)
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
		}
	})
	pass(renewEvery)
	v.do(nothing)
	pass(renewGrace)
	wantNoCookie(t, finish())
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
	if _, ok := read(old, counter); ok {
		t.Error("the old ticket is good after the grace")
	}
	wantNoCookie(t, slower())
	if n, _ := read(v, counter); n != 4 {
		t.Errorf("counter %d, want 4", n)
	}
	logout()
	if _, ok := read(v, counter); ok {
		t.Error("the session has survived a logout that was under way")
	}
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
				v := e.seed(count)
				res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					w.WriteHeader(http.StatusOK)
					pass(renewEvery)
					v.do(nothing) //nolint:contextcheck // another request
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

// Of two requests that renew at the same moment, the one that comes second tidies
// up before it answers: time enough for a third.
func TestARenewalThatCameSecondHandsOutNoDeadTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := e.seed(count)
		second := v.fork()
		pass(renewEvery)
		meanwhile := map[op]handler{opCreate: nothing, opDelete: renew}
		e.store.intercept(func(_ context.Context, o op) error {
			if f := meanwhile[o]; f != nil {
				delete(meanwhile, o)
				v.do(f) //nolint:contextcheck // another request
			}
			return nil
		})
		wantNoCookie(t, second.do(nothing))
		if len(meanwhile) > 0 {
			t.Errorf("it did not call %v", meanwhile)
		}
		if !alive(v) {
			t.Error("the visitor is logged out")
		}
	})
}
