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

// A write drops offers that nobody has taken for ten minutes. A request that was under way
// before they were made can't tell.
func TestASlowWriteDropsNoOfferThatIsYoungerThanItsRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("ann", count))
		v.do(nothing)
		finish := v.fork().slow(count)
		v.do(renew)
		pass(11 * time.Minute)
		wantStatus(t, finish(), http.StatusOK)
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d by the new ticket, want 2", n)
		}
	})
}

// Of a full list, the ticket from before the login makes room, also for a login that brings it.
func TestALoginMakesRoomByTheTicketThatItBrings(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	for range 8 { // as many as a list has room for
		wantStatus(t, v.fork().do(authenticate), http.StatusOK)
	}
}

// Where all places are taken by logins that may still arrive, a renewal takes none of them.
func TestARenewalTakesNoLoginsPlace(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("ann", count))
		v.do(nothing)
		for range 7 { // and its own
			wantStatus(t, v.fork().do(authenticate), http.StatusOK)
		}
		pass(time.Minute)
		wantOutage(t, v.fork().do(renew))
	})
}

// A ticket that this very response is to hand out has not been seen, however often the
// request commits. If the response is lost, the one before it is good.
func TestATicketThatIsOfferedIsNotSeenByItsOwnRequest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(signIn("ann", count))
		v.do(nothing)
		v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			s.Renew()
			for range 2 {
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
				count(w, r, s)
			}
		})
		pass(2 * session.DefaultRenewGrace)
		if n, _ := read(v, counter); n != 3 {
			t.Errorf("counter %d by the old ticket, want 3", n)
		}
	})
}

// A login whose answer was lost has its limit to keep, also where another change is written
// when it is found.
func TestALoginThatIsFoundLandedKeepsItsLimitThoughMoreIsWritten(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(1))
	first, v := e.login("ann", count), e.visitor()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		e.store.lose(errDown, opCreate)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		count(w, r, s)
	})
	v.is("ann", "")
	if alive(first) || len(e.list("ann")) != 1 {
		t.Errorf("%d sessions, want 1", len(e.list("ann")))
	}
}

// The deadline passes while the store is at work.
func TestAWriteThatReachesTheStoreAfterItsDeadlineEndsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opUpdate {
				pass(time.Second)
			}
			return nil
		})
		wantStatus(t, v.do(endsIn(time.Second)), http.StatusOK)
		e.store.reset()
		if alive(v) {
			t.Error("alive after its deadline")
		}
	})
}
