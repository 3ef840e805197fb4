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

func TestAFailingTouchDoesNotFailTheResponse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		pass(session.DefaultIdleTimeout / 2)
		e.store.fail(errDown, opTouch)
		res := v.do(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
			_, _ = fmt.Fprint(w, counter.Get(s)) // the recorder takes everything
		})
		wantStatus(t, res, http.StatusOK)
		if calls := e.store.taken(); calls[opTouch] != 1 {
			t.Errorf("store calls %v, want one Touch", calls)
		}
	})
}

func TestALateTouchDoesNotEraseAnotherRequestsChange(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		t.Run(fmt.Sprintf("fallback %v", plain), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if plain {
					e.m = e.manager(plainStore{e.store})
				}
				v := e.seed(count)
				finish := v.fork().slow(look)
				pass(session.DefaultIdleTimeout / 2)
				v.do(count)
				pass(session.DefaultIdleTimeout / 5)
				wantStatus(t, finish(), http.StatusOK)
				if n, _ := read(v, counter); n != 2 {
					t.Errorf("counter %d, want 2", n)
				}
				pass(session.DefaultIdleTimeout - time.Nanosecond)
				if n, _ := read(v, counter); n != 2 {
					t.Errorf("the touch did not extend the session: counter %d, want 2", n)
				}
			})
		})
	}
}

// A ticket that ends before the record does is extended by a write. If that fails, the record
// is not touched instead: another ticket's session would end with this one's.
func TestATicketThatCanNotBeExtendedShortensNoOthers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", setIdle(time.Minute)))
		v.do(nothing)
		other := v.fork()
		other.do(signIn("ann", nothing))
		pass(time.Minute / 2)
		e.store.fail(errDown, opUpdate)
		v.do(look)
		e.store.reset()
		pass(session.DefaultIdleTimeout / 2)
		other.is("ann", "")
	})
}

// Another request that does not extend it has written the session meanwhile.
func TestATouchThatMeetsAWriteIsMadeAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		other, met := v.fork(), false
		other.m = e.manager(e.mem, func(o *session.Options) {
			o.Passive = append(o.Passive, func(*http.Request) bool { return true })
		})
		pass(idle)
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opTouch && !met {
				met = true
				other.do(count) //nolint:contextcheck // another request
			}
			return nil
		})
		v.do(nothing)
		e.store.reset()
		if wantEnd(t, v, session.DefaultIdleTimeout); !met {
			t.Error("it has met none")
		}
	})
}

// A stream that commits often extends its session once, and knows for how long.
func TestACommitKnowsWhatItHasExtended(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			pass(idle)
			for i := range 2 {
				e.store.taken()
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
				if calls := e.store.taken(); calls[opTouch] != 1-i || len(calls) != 1-i {
					t.Errorf("store calls %v, want one Touch for both", calls)
				}
			}
			if want := time.Now().Add(session.DefaultIdleTimeout); !s.Expires().Equal(want) {
				t.Errorf("it expires at %v, want %v", s.Expires(), want)
			}
		})
	})
}
