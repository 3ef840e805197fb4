package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestContinueSignsNobodyInWhoActsAsAnother is about an administrator whose impersonation is
// over: a form that was open as one account never works on another.
func TestContinueSignsNobodyInWhoActsAsAnother(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		ann := e.visitor()
		ann.do(goOn(&err))
		ann.do(actAs(t, "bob", nil))
		ann.is("bob", "ann")
		ann.do(goOn(&err, is(t, "bob", "ann")))
		pass(actFor)
		if ann.do(goOn(&err, is(t, "", "ann"), count)); err != nil {
			t.Error(err)
		}
		ann.do(comeBack(t))
		wantAnn(t, ann, 1)
	})
}

// TestWhatHasExpiredByThisClockAloneBeginsAgain has a store whose clock is behind still hold
// a record under the id that all requests with the same old session have.
func TestWhatHasExpiredByThisClockAloneBeginsAgain(t *testing.T) {
	t.Parallel()
	for _, end := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			e.m = e.manager(&storeBehind{Store: memstore.New(memstore.Options{})}, func(o *session.Options) { o.IdleTimeout = time.Minute })
			var err error
			v := e.visitor()
			v.do(goOn(&err, count))
			pass(2 * time.Minute)
			if end {
				endThere(t, e)
				if e.visitor().do(goOn(&err)); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("after it was ended: %v, want ErrNotFound", err)
				}
				pass(10 * time.Minute)
			}
			again := e.visitor()
			if again.do(goOn(&err)); err != nil {
				t.Errorf("end %t: %v", end, err)
			}
			wantAnn(t, again, 1)
		})
	}
}

// TestWhatCanNotBeReadIsKeptFromBeginningAgain has another process, without the Sealer's key,
// end the session that goes on.
func TestWhatCanNotBeReadIsKeptFromBeginningAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	e.visitor().do(goOn(&err))
	e.m = e.manager(e.store, sealed(t, session.GenerateKey()))
	endThere(t, e)
	if e.visitor().do(goOn(&err)); !errors.Is(err, session.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

// TestWhoseTicketIsNoLongerGoodDoesNotGoOn has it be from before the login as somebody else
// whose answer was lost, or the session have ended, before this request or meanwhile.
func TestWhoseTicketIsNoLongerGoodDoesNotGoOn(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]handler{"bob's": signIn("bob"), "ended": destroy} {
		for _, meanwhile := range []bool{false, true} {
			e := newEnv(t)
			v := e.seed(count)
			if !meanwhile {
				v.fork().do(then)
			}
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if meanwhile {
					v.fork().do(then) //nolint:contextcheck // another request
				}
				was := counter.Get(s)
				var err error
				goOn(&err)(w, r, s)
				if !errors.Is(err, session.ErrNotFound) || s.Subject() != "" || s.IsNew() || counter.Get(s) != was {
					t.Errorf("%s, meanwhile %t: %v; %q is new %t", name, meanwhile, err, s.Subject(), s.IsNew())
				}
				if err := s.Commit(r.Context()); err != nil {
					t.Errorf("%s, meanwhile %t: nothing is to be saved, and Commit says %v", name, meanwhile, err)
				}
			})
			if meanwhile && alive(v) {
				t.Errorf("%s, meanwhile %t: the ticket is good", name, meanwhile)
			}
		}
	}
}

// TestWhatEndsWhileItBeginsIsNotBegunAgain has the Create's answer say that it is there,
// because a driver has repeated it, and the session end before the next Load, or the Touch, or
// behind the Touch without a trace.
func TestWhatEndsWhileItBeginsIsNotBegunAgain(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"", "ann"} {
		for _, at := range []op{opLoad, opTouch, opDelete} {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.TouchInterval = 1 })
				e.store.lose(sessionstore.ErrExists, opCreate)
				created, ended := false, false
				e.store.intercept(func(ctx context.Context, o op) error {
					switch {
					case o == opCreate:
						created = true
					case o == opLoad && created && at != opLoad:
						<-time.After(time.Second) // a Touch is due then
					case o == opTouch && at == opDelete && !ended:
						ended = true
						_, err := e.mem.DeleteAll(ctx)
						return errors.Join(sessionstore.ErrConflict, err)
					}
					if o != at || !created || ended {
						return nil
					}
					ended = true
					if err := e.manager(e.mem).EndMovedIn(ctx, "over there", subject); err != nil {
						t.Error(err)
					}
					return nil
				})
				v := e.visitor()
				v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					err := s.MoveIn(r.Context(), "over there", subject, func() error { counter.Set(s, 1); return nil })
					if !errors.Is(err, session.ErrNotFound) || s.Subject() != "" || counter.Get(s) != 0 {
						t.Errorf("%q, ended at %s: %v; it is %q's and counts %d", subject, at, err, s.Subject(), counter.Get(s))
					}
				})
				if !ended || v.cookie != nil {
					t.Errorf("%q, ended at %s: %t; the visitor has %q", subject, at, ended, v.ticket())
				}
			})
		}
	}
}

// TestWhatFillCommitsIsTheVisitorsOwn has fill do more than set values.
func TestWhatFillCommitsIsTheVisitorsOwn(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, result := range map[string]error{"works": nil, "fails then": refused} {
		for _, had := range []bool{false, true} {
			e := newEnv(t)
			v := e.visitor()
			if had {
				v = e.seed(nothingButKept)
			}
			v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				ctx := r.Context()
				err := s.MoveIn(ctx, "over there", "ann", func() error {
					if err := s.Commit(ctx); err != nil {
						t.Error(err)
					}
					counter.Set(s, 1)
					return result
				})
				if !errors.Is(err, result) {
					t.Errorf("%s: %v", name, err)
				}
			})
			wantAnn(t, v, 1)
		}
	}
}

func nothingButKept(_ http.ResponseWriter, _ *http.Request, s *session.Session) { cart.Set(s, nil) }

// TestWhatSomebodyHasSignedInToIsNotEndedAsNobodys has who else knows the old session, to which
// nobody was signed in, end what goes on with it.
func TestWhatSomebodyHasSignedInToIsNotEndedAsNobodys(t *testing.T) {
	t.Parallel()
	for _, readable := range []bool{true, false} {
		e := newEnv(t)
		one := e.visitor()
		goOnAsNobody(t, one, nothing)
		one.do(authenticate)
		m := e.m
		if !readable {
			m = e.manager(e.store, sealed(t, session.GenerateKey()))
		}
		if err := m.EndMovedIn(t.Context(), "over there", ""); err != nil {
			t.Error(err)
		}
		wantAnn(t, one, 1)
	}
}
