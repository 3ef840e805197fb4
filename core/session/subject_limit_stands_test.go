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

// lateLogin is ann's on a phone, which is counted now and written when land is called. It does
// not look whether it is one too many until the test is over.
func lateLogin(e *env) (land func(), look func() *http.Response) {
	phone := &faultyStore{inner: e.mem}
	counted, write, written, proceed := make(chan bool), make(chan bool), make(chan bool), make(chan bool)
	creates, lists := 0, 0
	phone.intercept(func(_ context.Context, o op) error {
		switch o {
		case opCreate:
			if creates++; creates == 1 {
				close(counted)
				<-write
			}
		case opList:
			if lists++; lists == 2 {
				close(written)
				<-proceed
			}
		default:
		}
		return nil
	})
	v := e.visitor().with(e.manager(indexedStore{phone, e.mem}, refusing(1)))
	answer := make(chan *http.Response, 1)
	go func() { answer <- v.do(authenticate) }()
	<-counted
	return func() { close(write); <-written }, func() *http.Response { close(proceed); return <-answer }
}

// TestWhoSignsInTwiceKeepsWhatOneAnswerHasPromised has two clicks make one session. When the second
// has been answered, and before the first has looked whether it is one too many, a login lands that
// was counted before both.
func TestWhoSignsInTwiceKeepsWhatOneAnswerHasPromised(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	v := e.seed(count)
	again := v.fork().with(e.manager(e.mem, refusing(1)))
	land, look := lateLogin(e)
	written := false
	e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case o == opUpdate:
			written = true
		case o == opList && written:
			e.store.reset()
			wantStatus(t, again.do(authenticate), http.StatusOK) //nolint:contextcheck // another request
			land()
		}
		return nil
	})
	v.do(authenticate)
	again.is("ann", "")
	v.is("ann", "")
	wantStatus(t, look(), http.StatusForbidden)
	again.is("ann", "")
	if n := len(e.list("ann")); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// TestWhoMovesInTwiceKeepsWhatOneAnswerHasPromised is the same for two requests that go on with one
// old session: the one that has begun ours is answered first, or the one that has met it.
func TestWhoMovesInTwiceKeepsWhatOneAnswerHasPromised(t *testing.T) {
	t.Parallel()
	for _, metFirst := range []bool{false, true} {
		e, _ := newIndexedEnv(t, refusing(1))
		begins, meets := e.visitor(), e.visitor().with(e.manager(e.mem, refusing(1)))
		var err, other error
		land, look := lateLogin(e)
		promised := begins
		if metFirst {
			promised = meets
			created := false
			e.store.intercept(func(_ context.Context, o op) error {
				switch {
				case o == opCreate:
					created = true
				case o == opList && created:
					e.store.reset()
					meets.do(goOn(&other)) //nolint:contextcheck // another request
					land()
				}
				return nil
			})
			begins.do(goOn(&err))
		} else {
			begins.do(goOn(&err))
			land()
			meets.do(goOn(&other))
		}
		if promised.cookie == nil {
			t.Fatalf("met first %t: nobody gets in: %v, %v", metFirst, err, other)
		}
		wantAnn(t, promised.fork(), 1)
		wantStatus(t, look(), http.StatusForbidden)
		wantAnn(t, promised, 1)
		if n := len(e.list("ann")); n != 1 {
			t.Errorf("met first %t: %d sessions, want 1", metFirst, n)
		}
	}
}

// TestALoginThatIsTakenBackUndoesNothingElse has the visitor sign out, with the old session alone,
// just before the one that goes on with it is taken back, or be promised that one, because there is
// room again.
func TestALoginThatIsTakenBackUndoesNothingElse(t *testing.T) {
	t.Parallel()
	for _, out := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t, refusing(1))
			phone, other := e.unlimited(), e.visitor().with(e.manager(e.mem, refusing(1)))
			var err, met error
			created, done := false, false
			e.store.intercept(func(_ context.Context, o op) error {
				switch {
				case o == opCreate && !created:
					created = true
					phone.do(authenticate) //nolint:contextcheck // another request
				case created && !done && (o == opUpdate || o == opDelete):
					done = true
					phone.do(destroy)    //nolint:contextcheck // another request
					other.do(goOn(&met)) //nolint:contextcheck // another request
					other.do(nothing)    //nolint:contextcheck // another request
					if out {
						e.visitor().do(signOutShowing) //nolint:contextcheck // another request
					}
				}
				return nil
			})
			first := e.visitor()
			first.do(goOn(&err))
			e.store.reset()
			if !done || met != nil {
				t.Fatalf("it is never taken back: %v; who meets it: %v", err, met)
			}
			if !out {
				wantAnn(t, other, 1)
				wantAnn(t, first, 1)
				return
			}
			pass(2 * time.Second)
			v := e.visitor()
			if v.do(goOn(&err)); !errors.Is(err, session.ErrSignedOut) || v.cookie != nil {
				t.Errorf("signed out, then %v, want ErrSignedOut", err)
			}
		})
	}
}
