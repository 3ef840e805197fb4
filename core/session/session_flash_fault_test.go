package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestMessagesThatCouldNotBeTakenAreThereForTheNextRequest(t *testing.T) {
	t.Parallel()
	for name, after := range map[string]handler{
		"the store stays down": func(http.ResponseWriter, *http.Request, *session.Session) {},
		"the handler goes on":  count,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.visitor()
			v.do(leave("one", "two", "three"))
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				e.store.fail(errDown, opUpdate)
				if got, err := s.Flashes(r.Context(), "category of one", "category of two"); !errors.Is(err, errDown) || got != nil {
					t.Errorf("%v, %v, want an outage", got, err)
				}
				if name == "the handler goes on" {
					e.store.reset()
				}
				after(w, r, s)
			})
			e.store.reset()
			wantMessages(t, v.take(), "one", "two", "three")
		})
	}
}

func TestMessagesThatCouldNotBeTakenCanBeTakenAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(leave("one", "two"))
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		if got, err := s.Flashes(ctx); !errors.Is(err, context.Canceled) || got != nil {
			t.Errorf("%v, %v, want the context's error", got, err)
		}
		s.Flash("category of three", "three")
		wantMessages(t, flashes(t, r, s), "one", "two", "three")
	})
	wantMessages(t, v.take())
}

func TestAfterALostAnswerAMessageIsReadOnce(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(leave("one", "two"))
	var again []string
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		e.store.lose(errDown, opUpdate)
		if first, err := s.Flashes(r.Context()); !errors.Is(err, errDown) || first != nil {
			t.Errorf("%v, %v, want an outage", first, err)
		}
		e.store.reset()
		again = flashes(t, r, s)
		count(w, r, s)
	})
	wantMessages(t, append(again, v.take()...), "one", "two")
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("another change was lost: counter %d", n)
	}
}

func TestAMessageIsNotShownToARequestThatComesTooLate(t *testing.T) {
	t.Parallel()
	v := newEnv(t).visitor()
	v.do(leave("hello"))
	slow := v.fork()
	finish := slow.slow(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		if got, err := s.Flashes(r.Context()); !errors.Is(err, session.ErrNotFound) || got != nil {
			t.Errorf("%v, %v, want ErrNotFound", got, err)
		}
	})
	v.do(destroy)
	wantNoCookie(t, finish())
}

// Others have read the messages, and nobody can tell any more whether this request has
// taken them: they don't come back.
func TestAMessageIsReadOnceThoughItsReaderGivesUp(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(signIn("ann", leave("one", "two")))
	v.do(nothing)
	v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		e.store.fail(errDown, opUpdate)
		if got, err := s.Flashes(r.Context()); !errors.Is(err, errDown) || got != nil {
			t.Errorf("%v, %v, want an outage", got, err)
		}
		e.store.reset()
		wantMessages(t, v.take(), "one", "two") //nolint:contextcheck // another request
		for range 8 {
			v.do(count) //nolint:contextcheck // likewise
		}
		v.do(leave("three"))                                              //nolint:contextcheck // likewise
		if got, err := s.Flashes(r.Context()); err == nil || got != nil { // it can't be told
			t.Errorf("%v, %v, want an error", got, err)
		}
	})
	wantMessages(t, v.take(), "three")
}
