package session_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

var anything = session.NewKey[any]("anything")

// A function given to Update runs again on what another request has left, and may
// then make something that can't be encoded.
func TestAChangeThatFailsWhenItIsMadeAgainSavesNothing(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	runs := 0
	res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		anything.Update(s, func(any) any {
			if runs++; runs > 1 {
				return func() {}
			}
			return 1
		})
		v.do(count) //nolint:contextcheck // another request
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrEncode) {
			t.Errorf("Commit: %v, want ErrEncode", err)
		}
	})
	wantStatus(t, res, http.StatusInternalServerError)
	if n, _ := read(v, counter); n != 2 || runs < 2 {
		t.Errorf("counter %d, want 2; the function ran %d times", n, runs)
	}
}

// What was there before a first login is not shown to a request of before it: it may be
// the one who has planted the ticket.
func TestAfterAFirstLoginNoFunctionRunsAgain(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	runs := 0
	res := v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		counter.Update(s, func(n int) int { runs++; return n + 1 })
		v.do(signIn("ann", count, buyHat)) //nolint:contextcheck // another request
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
	})
	wantNoCookie(t, res)
	if n, _ := read(v, counter); n != 2 || runs != 1 {
		t.Errorf("counter %d, want 2; the function ran %d times, want once", n, runs)
	}
}

// One answer has room for one ticket: those that were offered for it before go.
func TestAnAnswerHandsOutTheLastTicketOnly(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", count))
	v.do(nothing)
	res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		for range 20 { // more than a list has room for
			s.Renew()
			if err := s.Commit(r.Context()); err != nil {
				t.Fatalf("Commit: %v", err)
			}
		}
	})
	if len(res.Cookies()) != 1 || !alive(v) {
		t.Errorf("Set-Cookie %q; signed in: %v", res.Header["Set-Cookie"], alive(v))
	}
}

// A request that only shows that its ticket has arrived meets another's write: that it was
// seen is noted on top of that.
func TestTheSightOfATicketIsNotedAfterAConflict(t *testing.T) {
	t.Parallel()
	var d diary
	v := newEnv(t, d.keep).seed(signIn("ann", count))
	v.do(nothing)
	old := v.fork()
	v.do(renew)
	met := v.e.store.meet(2, func() { old.do(count) })
	d.taken()
	v.do(nothing)
	v.e.store.reset()
	if kinds := d.kinds(); !slices.Equal(kinds, []string{"conflict", "seen"}) || !met() {
		t.Errorf("told %q, want that the ticket was seen, after a conflict", kinds)
	}
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// The record remembers eight writes. That of a ticket is known for longer, by the ticket; and
// where nothing but a ticket was at stake, it is tried again.
func TestAMoveBehindManyWritesIsNotUnknown(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		work handler
		lost bool // the store has acted
	}{
		"with a change, and it has landed": {both(count, renew), true},
		"alone, and it has landed":         {renew, true},
		"alone, and it has not":            {renew, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(signIn("ann", count))
			v.do(nothing)
			want, other := 1+9, v.fork()
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				c.work(w, r, s)
				if n := counter.Get(s); n > 1 {
					want++
				}
				if c.lost {
					e.store.lose(errDown, opUpdate)
				} else {
					e.store.fail(errDown, opUpdate)
				}
				commitFails(t, r, s)
				e.store.reset()
				for range 9 {
					other.do(count) //nolint:contextcheck // another request
				}
				if err := s.Commit(r.Context()); err != nil {
					t.Errorf("Commit: %v", err)
				}
			})
			if !offers(res) {
				t.Error("no ticket is handed out")
			}
			if n, _ := read(v, counter); n != want {
				t.Errorf("counter %d by it, want %d", n, want)
			}
		})
	}
}

// A write is found to have landed, and what came after it can't be made then: the next commit
// makes that alone.
func TestWhatHasLandedIsNotMadeAgainAfterAChangeThatFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	runs := 0
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		loseCommit(t, e, r, s)
		anything.Update(s, func(any) any {
			if runs++; runs == 2 {
				return func() {}
			}
			return 1
		})
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrEncode) {
			t.Errorf("Commit: %v, want ErrEncode", err)
		}
	})
	wantStatus(t, res, http.StatusOK)
	if n, _ := read(v, counter); n != 2 || runs < 3 {
		t.Errorf("counter %d, want 2; the function ran %d times", n, runs)
	}
}

// Where the write after a login that has landed fails, the session is the login's by then.
func TestALoginThatIsFoundLandedIsGoodBeforeTheNextWriteIs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	other := v.fork()
	other.do(signIn("bob"))
	other.do(nothing)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		loseCommit(t, e, r, s)
		count(w, r, s)
		e.store.fail(errDown, opUpdate)
		commitFails(t, r, s)
		if s.ID() == "" || s.IsNew() {
			t.Errorf("id %q, new %t", s.ID(), s.IsNew())
		}
		e.store.reset()
	})
	wantAnn(t, v, 1)
}

// What is set while a commit is under way, and can't be made on what that has found, fails the
// next one.
func TestAChangeUnderWayThatCanNotBeMadeAgainFails(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	other, runs := v.fork(), 0
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		other.do(count) //nolint:contextcheck // another request
		met := e.store.meet(2, func() {
			anything.Update(s, func(any) any {
				if runs++; runs > 1 {
					return func() {}
				}
				return 1
			})
		})
		if err := s.Commit(r.Context()); err != nil || !met() {
			t.Errorf("Commit: %v, met %t", err, met())
		}
		e.store.reset()
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrEncode) {
			t.Errorf("then %v, want ErrEncode", err)
		}
	})
	wantStatus(t, res, http.StatusInternalServerError)
	if n, _ := read(v, counter); n != 3 {
		t.Errorf("counter %d, want 3", n)
	}
}
