package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// goOn returns a handler that goes on with ann's session over there, in which a counter was
// at 1, and then calls more. It keeps the error.
func goOn(err *error, more ...handler) handler { //nolint:gocritic // it keeps it
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		*err = s.MoveIn(r.Context(), "over there", "ann", func() error {
			counter.Set(s, 1)
			return nil
		})
		for _, f := range more {
			f(w, r, s)
		}
	}
}

// goOnAsNobody has a visitor go on with a session over there to which nobody is signed in.
func goOnAsNobody(tb testing.TB, v *visitor, more handler) {
	tb.Helper()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.MoveIn(r.Context(), "over there", "", func() error { counter.Set(s, 1); return nil }); err != nil {
			tb.Error(err)
		}
		more(w, r, s)
	})
}

// wantAnn checks who a visitor is, and what their session counts.
func wantAnn(tb testing.TB, v *visitor, want int) {
	tb.Helper()
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if got := counter.Get(s); s.Subject() != "ann" || got != want {
			tb.Errorf("%q counts %d, want %d", s.Subject(), got, want)
		}
	})
}

func TestRequestsThatContinueTheSameGetOneSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	one, other := e.visitor(), e.visitor()
	var err error
	one.do(goOn(&err, count))
	e.store.taken()
	other.do(goOn(&err, nothing))
	if calls := e.store.taken(); err != nil || len(calls) != 1 || calls[opLoad] != 1 {
		t.Errorf("%v, %v; want one Load", err, calls)
	}
	if one.ticket() != other.ticket() {
		t.Error("they have different tickets")
	}
	wantAnn(t, other, 2)
	other.do(count)
	wantAnn(t, one, 3)
}

func TestOfTwoThatContinueAtOnceOneBegins(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	one, other := e.visitor(), e.visitor()
	var err, slow error
	e.store.meet(2, func() { one.do(goOn(&err, count)) }) // the other has found nothing, and creates
	other.do(goOn(&slow, count))
	if err != nil || slow != nil {
		t.Error(err, slow)
	}
	wantAnn(t, one, 3)
	wantAnn(t, other, 3)
}

func TestWhatIsOverDoesNotGoOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		end := map[string]func(){
			"signed out": func() {
				var err error
				v := e.visitor()
				v.do(goOn(&err))
				v.do(destroy)
			},
			"ended":            func() { endThere(t, e) },
			"ended, not begun": func() { endThere(t, e) },
		}
		for why, end := range end {
			if why == "ended" {
				var err error
				e.visitor().do(goOn(&err))
			}
			end()
			for name, v := range map[string]*visitor{"new": e.visitor(), "with a session": e.seed(count)} {
				had := v.cookie != nil
				var err error
				v.do(goOn(&err, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() != "" || s.IsNew() == had {
						t.Errorf("%s, %s: %q is new %t", why, name, s.Subject(), s.IsNew())
					}
				}, count))
				if !errors.Is(err, session.ErrNotFound) {
					t.Errorf("%s, %s: %v, want ErrNotFound", why, name, err)
				}
				if n, _ := read(v, counter); !had && n != 1 || had && n != 2 {
					t.Errorf("%s, %s: what the request counted besides is %d", why, name, n)
				}
			}
			pass(10 * time.Minute)
			var err error
			v := e.visitor()
			v.do(goOn(&err))
			wantAnn(t, v, 1)
			v.do(destroy)
			pass(10 * time.Minute)
		}
	})
}

// TestATicketOfAnEarlierSessionIsWorthNothingWhenItGoesOn keeps what derives from the same
// old session apart.
func TestATicketOfAnEarlierSessionIsWorthNothingWhenItGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		v := e.visitor()
		v.do(goOn(&err))
		old := v.fork()
		pass(25 * time.Hour)
		again := e.visitor()
		again.do(goOn(&err, count))
		wantAnn(t, again, 2)
		if old.id() != again.id() || old.ticket() == again.ticket() {
			t.Error("it is not another ticket of the same record")
		}
		if alive(old) {
			t.Error("the ticket of the session that has expired is good for the one that goes on")
		}
	})
}

// TestWhoHasUsedANewerTicketJoins is about an old session that is brought again, long after
// its own ticket was retired.
func TestWhoHasUsedANewerTicketJoins(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.visitor()
		var err error
		v.do(goOn(&err, count))
		first := v.fork()
		v.do(renew)
		v.do(nothing)
		soon := e.visitor()
		soon.do(goOn(&err, count))
		if soon.ticket() != first.ticket() || err != nil {
			t.Errorf("soon, it is not the first one's ticket, %v", err)
		}
		pass(15 * time.Minute)
		v.do(nothing)
		one, other := e.visitor(), e.visitor()
		one.do(goOn(&err))
		other.do(goOn(&err))
		if one.ticket() != other.ticket() || one.ticket() == v.ticket() {
			t.Error("who joins does not get one new ticket")
		}
		wantAnn(t, one, 3)
		wantAnn(t, v, 3)
	})
}

func TestWhatCanNotGoOnLeavesTheSessionAsItWas(t *testing.T) {
	t.Parallel()
	refused := errors.New("refused")
	for name, begin := range map[string]func(e *env) *visitor{
		"new":            (*env).visitor,
		"with a session": func(e *env) *visitor { return e.seed(count) },
	} {
		for why, want := range map[string]error{"fill": refused, "down": errDown, "lost": errDown, "large": session.ErrTooLarge} {
			e := newEnv(t, func(o *session.Options) { o.MaxSize = 600 })
			v := begin(e)
			had := v.cookie != nil
			v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				switch why {
				case "down":
					e.store.fail(errDown, opCreate, opUpdate)
				case "lost":
					e.store.lose(errDown, opCreate, opUpdate)
				}
				err := s.MoveIn(r.Context(), "over there", "ann", func() error {
					cartOf := map[string]int{"fill": 1, "large": 1000}[why]
					cart.Set(s, []string{strings.Repeat("x", cartOf)})
					if why == "fill" {
						return refused
					}
					return nil
				})
				e.store.reset()
				if !errors.Is(err, want) || s.Subject() != "" || s.Has(cart.Name()) || s.IsNew() == had {
					t.Errorf("%s, %s: %v; %q is new %t", name, why, err, s.Subject(), s.IsNew())
				}
			})
			var err error
			again := e.visitor()
			again.do(goOn(&err))
			again.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if err != nil || s.Subject() != "ann" {
					t.Errorf("%s, %s: again: %v, %q", name, why, err, s.Subject())
				}
			})
		}
	}
}

// TestALoginAsSomebodyElseWaitsForItsAnswer shows that who continues a session from over
// there, and signs in as somebody else at once, goes on with it if the answer is lost.
func TestALoginAsSomebodyElseWaitsForItsAnswer(t *testing.T) {
	t.Parallel()
	for _, out := range []bool{false, true} {
		e := newEnv(t)
		var err error
		first, bob, late := e.visitor(), e.visitor(), e.visitor()
		late.do(goOn(&err))
		bob.do(goOn(&err, signIn("bob")))
		first.do(goOn(&err)) // bob's answer is lost, as far as this one knows
		wantAnn(t, first, 1)
		if out {
			bob.do(destroy)
		} else {
			bob.do(nothing)
		}
		if alive(late) || alive(first) {
			t.Error("ann's session lives on beside bob's")
		}
		if first = e.visitor(); !out {
			first.do(goOn(&err))
			if !errors.Is(err, session.ErrNotFound) || first.cookie != nil {
				t.Errorf("after bob has come back: %v", err)
			}
		}
	}
}

// Likewise for who commits twice, of whose answers none arrives.
func TestASecondLoginAsSomebodyElseWaitsForItsAnswer(t *testing.T) {
	t.Parallel()
	for name, then := range map[string]handler{"signs in again": signIn("carl"), "commits again": count} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			var err error
			e.visitor().do(goOn(&err, signIn("bob"), func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
			}, then))
			v := e.visitor()
			if v.do(goOn(&err)); err != nil {
				t.Error(err)
			}
			v.is("ann", "")
		})
	}
}

func TestAnAnonymousSessionThatIsContinuedIsNobodyElsesLater(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	one, other, planted := e.visitor(), e.visitor(), e.visitor()
	goOnAsNobody(t, one, count)
	goOnAsNobody(t, other, count)
	if n, _ := read(one, counter); n != 3 || one.ticket() != other.ticket() {
		t.Errorf("they do not share one session; it counts %d", n)
	}
	one.do(authenticate)
	goOnAsNobody(t, planted, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if n := counter.Get(s); s.Subject() != "" || n != 1 {
			t.Errorf("after the login the old session shows %q %d", s.Subject(), n)
		}
	})
	if alive(other) || planted.ticket() == one.ticket() {
		t.Error("a ticket from before the login is good for it")
	}
	wantAnn(t, one, 3)
}

func endThere(tb testing.TB, e *env) {
	tb.Helper()
	if err := e.m.EndMovedIn(tb.Context(), "over there", "ann"); err != nil {
		tb.Error(err)
	}
}

// TestALoginThatWasTakenBackEndsNothing has another login of the same subject come in
// between, so that there is one too many.
func TestALoginThatWasTakenBackEndsNothing(t *testing.T) {
	t.Parallel()
	for _, as := range []string{"ann", "bob"} {
		synctest.Test(t, func(t *testing.T) { takenBackAs(t, as) })
	}
}

func takenBackAs(t *testing.T, as string) {
	t.Helper()
	e, _ := newIndexedEnv(t, refusing(1))
	var err, refused error
	v, phone := e.visitor(), e.visitor()
	if as == "bob" {
		v.fork().do(goOn(&err))
	}
	begun := false
	e.store.intercept(func(_ context.Context, o op) error {
		if o == opCreate && !begun { // it has counted, and is not written yet
			begun = true
			phone.do(signIn(as)) //nolint:contextcheck // another request
		}
		return nil
	})
	if as == "ann" {
		v.fork().do(goOn(&refused))
	} else {
		v.fork().do(goOn(&err, func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Authenticate("bob")
			refused = s.Commit(r.Context())
		}))
	}
	if err != nil || !errors.Is(refused, session.ErrTooManySessions) {
		t.Errorf("%s: %v; refused with %v", as, err, refused)
	}
	phone.do(destroy)
	pass(time.Second)
	if v.do(goOn(&err)); err != nil || v.cookie == nil {
		t.Errorf("%s: then %v", as, err)
	}
}

// TestALogoutWhoseAnswerIsLostStaysKnown keeps the tombstone, which is what tells a slow
// request that the session is over.
func TestALogoutWhoseAnswerIsLostStaysKnown(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	v := e.visitor()
	v.do(goOn(&err))
	e.store.lose(errDown, opUpdate)
	wantStatus(t, v.do(destroy), http.StatusOK)
	e.store.reset()
	e.visitor().do(goOn(&err))
	if !errors.Is(err, session.ErrNotFound) {
		t.Errorf("%v, want ErrNotFound", err)
	}
}

// TestWhoJoinsGetsATicketThatIsHandedOut has the one that derives from the old session
// stay unseen, because the first answer has handed out a newer one.
func TestWhoJoinsGetsATicketThatIsHandedOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var err error
		v := e.visitor()
		v.do(goOn(&err, renew))
		v.do(nothing)
		pass(11 * time.Minute)
		other := e.visitor()
		if other.do(goOn(&err)); err != nil || other.cookie == nil {
			t.Fatalf("%v, cookie %q", err, other.ticket())
		}
		wantAnn(t, other, 1)
	})
}

func TestAPanicOfFillSignsNobodyIn(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		defer func() { _ = recover() }()
		_ = s.MoveIn(r.Context(), "over there", "ann", func() error { panic("a mistake") })
	})
	if v.cookie != nil {
		t.Error("a session was stored")
	}
}
