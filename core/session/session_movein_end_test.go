package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestEndMovedInEndsWhatOthersDoMeanwhile has another request begin the session, write it, or
// end it without a trace, between the Load and the write.
func TestEndMovedInEndsWhatOthersDoMeanwhile(t *testing.T) {
	t.Parallel()
	for what, meanwhile := range map[string]func(*env, *visitor){
		"begin": func(_ *env, v *visitor) { var err error; v.do(goOn(&err)) },
		"write": func(_ *env, v *visitor) { v.do(count) },
		"end": func(e *env, _ *visitor) {
			if _, err := e.mem.DeleteAll(e.tb.Context()); err != nil {
				e.tb.Error(err)
			}
		},
	} {
		e := newEnv(t)
		var err error
		v := e.visitor()
		if what != "begin" {
			v.do(goOn(&err))
		}
		met := e.store.meet(2, func() { meanwhile(e, v) })
		if endThere(t, e); !met() || alive(v) {
			t.Errorf("%s: met %t, the session is alive %t", what, met(), alive(v))
		}
		if e.visitor().do(goOn(&err)); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("%s: then %v, want ErrNotFound", what, err)
		}
	}
}

func TestEndMovedInTellsWhatItDoes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var told []session.Event
		e := newEnv(t, func(o *session.Options) {
			o.OnEvent = func(_ context.Context, e session.Event) { told = append(told, e) }
		})
		var err error
		e.visitor().do(goOn(&err))
		told = nil
		e.store.intercept(func(ctx context.Context, _ op) error {
			<-ctx.Done()
			return ctx.Err()
		})
		start := time.Now()
		err = e.m.EndMovedIn(t.Context(), "over there", "ann")
		if err == nil || time.Since(start) != session.DefaultStoreTimeout {
			t.Errorf("a store that does not answer: %v after %v", err, time.Since(start))
		}
		e.store.reset()
		endThere(t, e)
		endThere(t, e)
		if len(told) != 2 || told[0].Kind != session.EventStoreError || told[1].Kind != session.EventEnded ||
			told[1].Reason != session.EndRevoked || told[1].Subject != "ann" {
			t.Errorf("told of %+v", told)
		}
	})
}

// TestWhatALoginReplacesIsToldWhenItEnds has bob sign in where ann's session goes on, and come
// back.
func TestWhatALoginReplacesIsToldWhenItEnds(t *testing.T) {
	t.Parallel()
	var ended []session.Event
	e := newEnv(t, func(o *session.Options) {
		o.OnEvent = func(_ context.Context, e session.Event) {
			if e.Kind == session.EventEnded {
				ended = append(ended, e)
			}
		}
	})
	var err error
	ann, bob := e.visitor(), e.visitor()
	ann.do(goOn(&err))
	if bob.do(goOn(&err, signIn("bob"))); len(ended) > 0 {
		t.Errorf("before bob has come back, there is told of %+v", ended)
	}
	bob.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "bob" {
			t.Errorf("it is %q's", s.Subject())
		}
	})
	if len(ended) != 1 || ended[0].Reason != session.EndReplaced || ended[0].Subject != "ann" {
		t.Errorf("then there is told of %+v", ended)
	}
}

// TestWhatALoginReplacesEndsThoughTheStoreFailsAtFirst has bob come back while it does, and
// perhaps change something.
func TestWhatALoginReplacesEndsThoughTheStoreFailsAtFirst(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]struct {
		work handler
		want int
	}{"reads": {nothing, http.StatusOK}, "writes": {count, http.StatusServiceUnavailable}} {
		e := newEnv(t)
		var err error
		ann, bob := e.visitor(), e.visitor()
		ann.do(goOn(&err))
		bob.do(goOn(&err, signIn("bob")))
		e.store.at(2, false, false, errDown) // after the Load of his own
		wantStatus(t, bob.do(then.work), then.want)
		e.store.reset()
		bob.is("bob", "")
		if err != nil || alive(ann) {
			t.Errorf("what the login of bob, who %s, has replaced is alive: %t, %v", what, alive(ann), err)
		}
	}
}

// TestOfSeveralLoginsBehindAnotherEachEndsWhatItReplaces has a request go on with ann's session,
// and sign in as bob, and then as carol.
func TestOfSeveralLoginsBehindAnotherEachEndsWhatItReplaces(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	var err error
	v := e.visitor()
	v.do(goOn(&err, signIn("bob", func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
	}), signIn("carol")))
	if n := len(e.list("bob")); err != nil || n > 0 {
		t.Errorf("bob has %d sessions, though nobody gets his ticket; %v", n, err)
	}
	if n := len(e.list("ann")); n != 1 {
		t.Errorf("before carol has come back, ann has %d sessions, want 1", n)
	}
	v.is("carol", "")
	if n := l.records(t); n != 1 {
		t.Errorf("%d records, want carol's", n)
	}
}

// TestALogoutWhoseTombstoneFailsAtFirstIsNotUndone has the store fail at one write, by a visitor who
// has the session that goes on, or one that it has gone into, or shows the old one alone.
func TestALogoutWhoseTombstoneFailsAtFirstIsNotUndone(t *testing.T) {
	t.Parallel()
	for _, who := range []string{"has it", "has another", "shows it"} {
		e := newEnv(t)
		var err error
		v, late := e.begins(who == "has another"), e.visitor()
		late.do(goOn(&err)) // its answer comes last
		v.do(goOn(&err))
		out := destroy
		if who == "shows it" {
			v, out = e.visitor(), signOutShowing
		}
		failed := false
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opUpdate && !failed {
				failed = true
				return errDown
			}
			return nil
		})
		wantStatus(t, v.do(out), http.StatusOK)
		e.store.reset()
		if alive(late) || !failed {
			t.Errorf("who %s: the session lives, the write has failed %t", who, failed)
		}
		if err := e.showing(); !errors.Is(err, session.ErrSignedOut) {
			t.Errorf("who %s: %v, want ErrSignedOut", who, err)
		}
	}
}

// TestATombstoneThatSaysLessIsNotTakenForAnother has the session be one too many, so that it has left
// one, and the write fail that says that the visitor has signed out.
func TestATombstoneThatSaysLessIsNotTakenForAnother(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(1))
	var err error
	e.visitor().do(goOn(&err))
	e.login("ann")
	e.store.fail(errDown, opUpdate)
	wantStatus(t, e.visitor().do(signOutShowing), http.StatusOK)
	e.store.reset()
	if again := e.showing(); err != nil || !errors.Is(again, session.ErrSignedOut) {
		t.Errorf("%v; then %v, want ErrSignedOut", err, again)
	}
}
