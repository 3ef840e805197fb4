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
		var d diary
		v := newEnv(t, d.keep).seed(signIn("ann", count))
		v.do(nothing)
		for range 7 { // and its own
			wantStatus(t, v.fork().do(authenticate), http.StatusOK)
		}
		pass(time.Minute)
		d.taken()
		wantOutage(t, v.fork().do(renew))
		if kinds := d.kinds(); len(kinds) > 0 { // the store has not failed
			t.Errorf("told %q", kinds)
		}
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
	if n := len(e.list("ann")); alive(first) || n != 1 { // before the ticket is seen, which looks again
		t.Errorf("%d sessions, want 1", n)
	}
	v.is("ann", "")
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

// Nor is there a failure to tell of where only the sight of the ticket is to be written.
func TestASightThatReachesTheStoreAfterTheDeadlineEndsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", endsIn(time.Second)))
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opUpdate {
				pass(time.Second)
			}
			return nil
		})
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
				t.Errorf("Commit: %v, want ErrNotFound", err)
			}
		})
	})
}

// A failure is one, though the session's time has passed meanwhile.
func TestAWriteThatFailsUntilItsDeadlineIsAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		failed := false
		e.store.intercept(func(_ context.Context, o op) error {
			if o != opUpdate || failed {
				return nil
			}
			failed = true
			pass(time.Second)
			return errDown
		})
		wantOutage(t, v.do(endsIn(time.Second)))
	})
}

// A store whose clock is behind would take it.
func TestALoginWhoseDeadlineHasPassedIsNoneWhateverTheStoreSays(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.m = e.manager(&storeBehind{Store: memstore.New(memstore.Options{})})
		res := e.visitor().do(signIn("ann", endsIn(time.Second), func(http.ResponseWriter, *http.Request, *session.Session) {
			pass(time.Second)
		}))
		wantStatus(t, res, http.StatusConflict)
		wantNoCookie(t, res)
	})
}

func TestARecordMayHaveMaxSizeAndNoByteMore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		r, err := e.record(e.seed(count))
		if err != nil {
			t.Fatal(err)
		}
		for size, want := range map[int]int{len(r.Data): http.StatusOK, len(r.Data) - 1: http.StatusInternalServerError} {
			wantStatus(t, newEnv(t, func(o *session.Options) { o.MaxSize = size }).visitor().do(count), want)
		}
	})
}

// Where the list is full, a ticket of this very answer makes room for the next one of it. All
// that others may still receive stay.
func TestATicketThatMakesRoomForTheNextOfItsAnswerGoesAlone(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(signIn("ann", count))
	v.do(nothing)
	var others []*visitor
	for range 6 { // besides its own, and the one that it is offered first
		other := v.fork()
		wantStatus(t, other.do(authenticate), http.StatusOK)
		others = append(others, other)
	}
	v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		for range 2 {
			s.Renew()
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	for _, v := range append([]*visitor{v}, others...) {
		v.is("ann", "")
	}
}

// A request that signs in as two, one behind the other, leaves its session for a new one. It
// ends none that somebody else has signed in to meanwhile, and has got the ticket of.
func TestARequestThatSignsInAsTwoEndsNoLoginOfAnother(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	finish := v.fork().slow(both(signIn("bob"), signIn("carol")))
	v.do(authenticate)
	v.do(nothing)
	wantStatus(t, finish(), http.StatusOK)
	v.is("ann", "")
}

// What a store has refused for certain is not looked for in the record, however often that was.
func TestWhatTheStoreHasRefusedIsNotLookedFor(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.fail(sessionstore.ErrTooLarge, opUpdate)
		e.store.taken()
		for range 20 {
			if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooLarge) {
				t.Errorf("Commit: %v, want ErrTooLarge", err)
			}
		}
		if calls := e.store.taken(); calls[opUpdate] != 20 || len(calls) != 1 {
			t.Errorf("store calls %v, want 20 updates", calls)
		}
		e.store.reset()
	})
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// A change has failed without an answer, and then somebody else signs in: their session is a new
// one, under another id.
func TestALoginAsSomebodyElseAfterALostWriteBeginsASession(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	v := e.login("ann")
	v.do(nothing)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.fail(errDown, opUpdate)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		s.Authenticate("bob")
	})
	v.is("bob", "")
	if n := l.records(t); n != 1 {
		t.Errorf("%d records, want bob's", n)
	}
}
