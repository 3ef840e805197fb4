package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// begins returns a visitor with an anonymous session, or with nothing.
func (e *env) begins(had bool) *visitor {
	if had {
		return e.seed(nothingButKept)
	}
	return e.visitor()
}

// showing returns what somebody gets who has nothing but the old session.
func (e *env) showing() (err error) {
	e.visitor().do(goOn(&err))
	return err
}

// TestWhatIsOverSaysWhetherAnythingMayUndoThat ends the session that goes on, in the ways there
// are.
func TestWhatIsOverSaysWhetherAnythingMayUndoThat(t *testing.T) {
	t.Parallel()
	limited := func(o *session.Options) { o.MaxSessions = 1 }
	for what, c := range map[string]struct {
		end  func(e *env, v *visitor)
		gone bool // nothing may undo it
	}{
		"signed out":         {func(_ *env, v *visitor) { v.do(destroy) }, true},
		"ended over there":   {func(e *env, _ *visitor) { endThere(e.tb, e) }, true},
		"ended, then out":    {func(e *env, v *visitor) { endThere(e.tb, e); v.do(destroy) }, true},
		"password changed":   {func(_ *env, v *visitor) { v.do(both(tie("old"), nothing)); v.do(checkNewHash) }, true},
		"one too many":       {func(e *env, _ *visitor) { e.login("ann") }, false},
		"one too many, out":  {func(e *env, v *visitor) { e.login("ann"); v.fork().do(signOutShowing) }, true},
		"is somebody else":   {func(_ *env, v *visitor) { v.do(signIn("bob")) }, false},
		"somebody else, out": {func(_ *env, v *visitor) { v.do(signIn("bob")); v.do(destroy); v.do(signOutShowing) }, true},
	} {
		for _, had := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, had %t", what, had), func(t *testing.T) {
				t.Parallel()
				e, _ := newIndexedEnv(t, limited)
				v := e.begins(had)
				var err error
				if v.do(goOn(&err)); err != nil {
					t.Fatal(err)
				}
				c.end(e, v)
				err = e.showing()
				if evicted := what == "one too many" && had; evicted {
					return // it is the anonymous one that was one too many, and another begins
				}
				if !errors.Is(err, session.ErrNotFound) || errors.Is(err, session.ErrSignedOut) != c.gone {
					t.Errorf("%v, want that it is gone for good: %t", err, c.gone)
				}
			})
		}
	}
}

// signOutShowing is a logout whose request brings the old session.
func signOutShowing(w http.ResponseWriter, r *http.Request, s *session.Session) {
	var ignored error
	goOn(&ignored)(w, r, s)
	s.Destroy()
}

func checkNewHash(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.CheckAuthHash("new") }

// TestALogoutEndsWhatItsRequestHasShown has the visitor be whoever they may be.
func TestALogoutEndsWhatItsRequestHasShown(t *testing.T) {
	t.Parallel()
	full := refusing(1)
	for who, begin := range map[string]func(*env) *visitor{
		"nobody":              (*env).visitor,
		"anonymous":           func(e *env) *visitor { return e.seed(count) },
		"bob":                 func(e *env) *visitor { return e.seed(signIn("bob")) },
		"ann":                 func(e *env) *visitor { return e.seed(signIn("ann")) },
		"bob, for carl":       func(e *env) *visitor { v := e.seed(signIn("bob")); v.do(actAs(e.tb, "carl", nil)); return v },
		"who has signed out":  func(e *env) *visitor { v := e.seed(count); v.fork().do(destroy); return v },
		"who is one too many": func(e *env) *visitor { e.login("ann"); return e.visitor() },
	} {
		e, _ := newIndexedEnv(t, full)
		begin(e).do(signOutShowing)
		if err := e.showing(); !errors.Is(err, session.ErrSignedOut) {
			t.Errorf("%s: %v, want ErrSignedOut", who, err)
		}
	}
}

// TestALogoutEndsWhatHasGoneIntoTheSession has the visitor sign out when they have our cookie
// alone, and requests with nothing but the old session be on their way.
func TestALogoutEndsWhatHasGoneIntoTheSession(t *testing.T) {
	t.Parallel()
	for what, out := range map[string]handler{"signs out": destroy, "is bob": signIn("bob", nothing)} {
		var ended []session.Event
		e := newEnv(t, func(o *session.Options) {
			o.OnEvent = func(_ context.Context, e session.Event) {
				if e.Kind == session.EventEnded {
					ended = append(ended, e)
				}
			}
		})
		var err error
		late, v := e.visitor(), e.seed(count)
		late.do(goOn(&err)) // its answer comes last
		v.do(goOn(&err))
		v.do(renew)
		v.do(out)
		v.do(nothing)
		if alive(late) || len(ended) != 2 || ended[0].Reason != ended[1].Reason {
			t.Errorf("who %s: the late answer works %t; ended are %+v", what, alive(late), ended)
		}
		if again := e.showing(); !errors.Is(again, session.ErrNotFound) || errors.Is(again, session.ErrSignedOut) != (what == "signs out") {
			t.Errorf("who %s: then %v", what, again)
		}
	}
}

// TestWhatALoginReplacesTakesTheOldSessionAlong has bob sign in where ann's old session has gone
// into the one that was there, whose answer may be lost.
func TestWhatALoginReplacesTakesTheOldSessionAlong(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]handler{"comes back": nothing, "signs out": destroy} {
		e := newEnv(t)
		var err error
		late, v := e.visitor(), e.seed(count)
		bob := v.fork()
		late.do(goOn(&err))
		bob.do(goOn(&err, signIn("bob")))
		if !alive(late) {
			t.Errorf("bob's answer is not there yet, and ann is out")
		}
		bob.do(then)
		if again := e.showing(); alive(late) || !errors.Is(again, session.ErrNotFound) {
			t.Errorf("bob %s: ann's is alive %t, then %v", what, alive(late), again)
		}
	}
}

// TestALogoutEndsManyOldSessions has as many go into one session as it remembers, and one more.
func TestALogoutEndsManyOldSessions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	seed := v.fork()
	const most = 8
	for i := range most + 1 {
		var err error
		w := seed.fork()
		if w.do(goOnWith(fmt.Sprint("over there ", i), &err)); err != nil {
			t.Fatal(err)
		}
		v = w
		v.do(nothing)
	}
	v.do(destroy)
	for i := range most + 1 {
		var err error
		e.visitor().do(goOnWith(fmt.Sprint("over there ", i), &err))
		if over := errors.Is(err, session.ErrSignedOut); over != (i > 0) {
			t.Errorf("of %d, number %d: %v", most+1, i, err)
		}
	}
}

// goOnWith is goOn for an old session of another name.
func goOnWith(name string, err *error) handler { //nolint:gocritic // it keeps it
	return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		*err = s.MoveIn(r.Context(), name, "ann", func() error { return nil })
	}
}

// TestALogoutOfWhatWasShownWhereTheStoreFails has it be no reason to stay signed in that there is
// no room for a tombstone; but an outage is.
func TestALogoutOfWhatWasShownWhereTheStoreFails(t *testing.T) {
	t.Parallel()
	for _, shows := range []bool{false, true} {
		out := destroy
		if shows {
			out = signOutShowing
		}
		e := newEnv(t)
		var err error
		v := e.seed(count)
		v.do(goOn(&err))
		v.do(nothing)
		down := func() { e.store.fail(errDown, opLoad) }
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			down()
			out(w, r, s)
		})
		e.store.reset()
		if wantStatus(t, res, http.StatusServiceUnavailable); !alive(v) {
			t.Error("an outage has signed the visitor out")
		}
		e.store.fail(errDown, opCreate, opUpdate, opTouch)
		wantStatus(t, v.do(out), http.StatusOK)
		e.store.reset()
		if alive(v) {
			t.Error("the visitor is signed in still")
		}
	}
}

// TestALogoutEndsNothingOfOthers has the old session be one that a thief has planted, or have no
// name.
func TestALogoutEndsNothingOfOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	victim := e.visitor()
	goOnAsNobody(t, victim, authenticate)
	goOnAsNobody(t, e.visitor(), destroy)
	wantAnn(t, victim, 1)

	bob := e.seed(signIn("bob", tie("old")))
	if bob.do(both(goOnWith("hers", new(error)), checkNewHash)); alive(bob) {
		t.Error("a session that is out of date goes on")
	}
	var err error
	if e.visitor().do(goOnWith("hers", &err)); err != nil {
		t.Errorf("what its request has shown is over: %v", err)
	}

	v := e.seed(count)
	v.do(goOnWith("", &err))
	v.do(both(goOnWith("", &err), destroy))
	other := e.seed(count)
	if other.do(goOnWith("", &err)); err != nil {
		t.Error(err)
	}
	wantAnn(t, other, 1)
}

// TestALogoutOfWhatTravelsInItsCookieHasNothingElseToEnd is about the old session that the same
// request has shown.
func TestALogoutOfWhatTravelsInItsCookieHasNothingElseToEnd(t *testing.T) {
	t.Parallel()
	e := newCookieOnlyEnv(t)
	var err error
	v := e.visitor()
	v.do(goOn(&err))
	wantStatus(t, v.do(signOutShowing), http.StatusOK)
	if v.is("", ""); err != nil {
		t.Error(err)
	}
}

// TestWhatHasEndedIsToldOnce has what is left of a session be written anew, because more is known.
func TestWhatHasEndedIsToldOnce(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep, func(o *session.Options) { o.MaxSessions = 1 })
	var err error
	v := e.visitor()
	v.do(goOn(&err))
	e.login("ann")
	v.fork().do(signOutShowing)
	n := 0
	for _, event := range d.taken() {
		if event.Kind == session.EventEnded {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d times", n)
	}
}

// TestWhatIsShownIsOverAlthoughItsSessionWasEndedWithoutATrace has an administrator end it while
// the visitor signs out.
func TestWhatIsShownIsOverAlthoughItsSessionWasEndedWithoutATrace(t *testing.T) {
	t.Parallel()
	for _, had := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t)
			var err error
			e.begins(had).do(goOn(&err, func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				if n, err := e.m.EndSubject(r.Context(), "ann"); n != 1 || err != nil {
					t.Error(n, err)
				}
				s.Destroy()
			}))
			if err := e.showing(); !errors.Is(err, session.ErrSignedOut) {
				t.Errorf("had %t: %v, want ErrSignedOut", had, err)
			}
		})
	}
}

// TestAHashThatIsUpToDateAgainEndsNoOldSession has another request bring the hash up to date in a
// session that an old one has gone into, while one looks at the hash.
func TestAHashThatIsUpToDateAgainEndsNoOldSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	late, v := e.visitor(), e.seed(count)
	late.do(goOn(&err)) // its answer comes last
	v.do(goOn(&err, tie("old")))
	v.do(nothing)
	other := v.fork()
	finish := v.slow(checkNewHash)
	other.do(tie("new"))
	wantStatus(t, finish(), http.StatusOK)
	if !alive(other) || !alive(late) {
		t.Errorf("the session is alive %t, and what goes on with the old one %t", alive(other), alive(late))
	}
	if err = e.showing(); err != nil {
		t.Errorf("the old session: %v", err)
	}
}

// TestAnEndByTheHashEndsTheOldSessionThoughTheStoreFailsAtFirst has it fail behind the end.
func TestAnEndByTheHashEndsTheOldSessionThoughTheStoreFailsAtFirst(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var err error
	late, v := e.visitor(), e.seed(count)
	late.do(goOn(&err))
	v.do(goOn(&err, tie("old")))
	v.do(nothing)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		checkNewHash(w, r, s)
		e.store.fail(errDown, opLoad)
		commitFails(t, r, s)
		e.store.reset()
	})
	if alive(v) || alive(late) {
		t.Errorf("the session is alive %t, and what goes on with the old one %t", alive(v), alive(late))
	}
	if err = e.showing(); !errors.Is(err, session.ErrSignedOut) {
		t.Errorf("the old session: %v, want ErrSignedOut", err)
	}
}

// TestASessionWhoseTimeIsOverTakesNoOldSessionAlong has that be found out when a request saves it:
// nobody has signed out.
func TestASessionWhoseTimeIsOverTakesNoOldSessionAlong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e := newEnv(t, d.keep)
		var err error
		late, v := e.visitor(), e.seed(count)
		late.do(goOn(&err)) // its answer comes last
		v.do(goOn(&err))
		v.do(nothing)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			endsIn(time.Minute)(w, r, s)
			pass(time.Minute)
		})
		if err != nil || alive(v) || !alive(late) {
			t.Errorf("%v; the session is alive %t, and what goes on with the old one %t", err, alive(v), alive(late))
		}
		for _, event := range d.taken() {
			if event.Kind == session.EventEnded {
				t.Errorf("told of %+v", event)
			}
		}
	})
}
