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

// A login that is written, and then finds too many beside it, is taken back: the
// visitor has what they had before.
func TestALoginThatComesTooLateIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		seed handler
		call int // of the store, ahead of which another login takes the last place
	}{
		{"a new visitor", nil, 2},
		{"an anonymous visitor", count, 4},
		{"somebody else", signIn("bob", count), 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var d diary
			e, l := newIndexedEnv(t, refusing(1), d.keep)
			v, subject, ok := e.visitor(), "", c.seed != nil
			if ok {
				v = e.seed(c.seed)
				v.do(publicIDOf(new(string)))
			}
			if c.name == "somebody else" {
				subject = "bob"
			}
			old, records := v.fork(), l.records(t)
			first := e.visitor()
			met := e.store.meet(c.call, func() { wantStatus(t, first.do(signIn("ann", count)), http.StatusOK) })
			d.taken()
			res := v.do(signIn("ann", count))
			wantStatus(t, res, http.StatusForbidden)
			wantNoCookie(t, res)
			e.store.reset()
			if !met() {
				t.Fatal("the other login has not met it")
			}
			for _, event := range d.taken() {
				if event.Kind == session.EventStoreError {
					t.Errorf("told %+v", event)
				}
			}
			if !alive(first) || len(e.list("ann")) != 1 || l.records(t) != records+1 {
				t.Errorf("%d sessions in %d records, want 1 more than %d", len(e.list("ann")), l.records(t), records)
			}
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); s.Subject() != subject || (n == 1) != ok || v.ticket() != old.ticket() {
					t.Errorf("subject %q, counter %d, want %q and what was there before", s.Subject(), n, subject)
				}
			})
		})
	}
}

// Messages that a refused login would have shown are there for the next page.
func TestMessagesOfARefusedLoginStay(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	e.login("ann")
	v := e.seed(leave("hello"))
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("ann")
		if got, err := s.Flashes(r.Context()); len(got) != 0 || !errors.Is(err, session.ErrTooManySessions) {
			t.Errorf("Flashes: %v, %v", got, err)
		}
		w.WriteHeader(http.StatusConflict)
	})
	wantMessages(t, v.take(), "hello")
}

// A login that is too many is taken back, and the store answers nothing to that. When the
// handler commits again, its login is not there any more.
func TestALoginThatWasTakenBackIsNotHandedOut(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	phone, computer := e.visitor(), e.visitor()
	created, down := false, false
	e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case o == opCreate && !created: // the computer's: it has counted, and is not written yet
			created = true
			wantStatus(t, phone.do(signIn("ann", count)), http.StatusOK) //nolint:contextcheck // another request
			e.store.lose(errDown, opUpdate)
			down = true
		case o == opDelete, o == opLoad && down:
			return errDown
		}
		return nil
	})
	res := computer.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("the second Commit: %v, want ErrNotFound", err)
		}
	})
	wantNoCookie(t, res)
	if !alive(phone) || len(e.list("ann")) != 1 {
		t.Errorf("phone %v, %d sessions", alive(phone), len(e.list("ann")))
	}
}

// Whoever has a ticket that was retired long ago can't read its session by a login that is
// refused, or that comes too late.
func TestARefusedLoginShowsNothingToATicketThatIsOver(t *testing.T) {
	t.Parallel()
	for _, late := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t, refusing(1))
			e.login("eve")
			v := e.login("ann", count)
			v.do(nothing)
			thief := v.fork()
			v.do(renew)
			v.do(nothing)
			pass(session.DefaultRenewGrace + time.Second)
			thief.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if late {
					w.WriteHeader(http.StatusOK)
				}
				s.Authenticate("eve")
				if err := s.Commit(r.Context()); err == nil {
					t.Error("the login is not refused")
				}
				if s.Subject() != "" || s.Has("counter") {
					t.Errorf("late %v: shows a session of %q, with %q", late, s.Subject(), s.Names())
				}
				count(w, r, s)
				_ = s.Commit(r.Context())
			})
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("late %v: the session was written to", late)
			}
		})
	}
}

// A ticket that is no longer good for its session gets no other by a login that is taken
// back: the response may take the place of a newer one.
func TestALoginThatIsTakenBackGivesAWorthlessTicketNoOther(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t, refusing(1))
	v, first := e.seed(count), e.visitor()
	v.fork().do(destroy)
	met := e.store.meet(4, func() { wantStatus(t, first.do(authenticate), http.StatusOK) })
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrTooManySessions) {
			t.Errorf("Commit: %v, want ErrTooManySessions", err)
		}
		count(w, r, s)
	})
	wantNoCookie(t, res)
	if n := l.records(t); n != 1 || !met() {
		t.Errorf("%d sessions, want the other login's; it has met this one: %v", n, met())
	}
}

// A login that was taken back leaves what there was before, also where the store then fails:
// what is set next is not written over it.
func TestALoginThatWasTakenBackLeavesTheSessionThoughTheStoreFails(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	v, first := e.login("bob", count), e.visitor()
	v.do(nothing)
	created, loads := false, 0
	e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case o == opCreate && !created:
			created = true
			wantStatus(t, first.do(authenticate), http.StatusOK) //nolint:contextcheck // another request
		case o == opLoad && created:
			loads++
			return errDown
		}
		return nil
	})
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) || loads != 1 {
			t.Errorf("Commit: %v, want the store's error, by the Load after the login is taken back", err)
		}
		count(w, r, s)
	})
	e.store.reset()
	v.is("bob", "")
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
}

// The write of a login may arrive again, from a driver that repeats it. When the login was
// taken back, that does not match the record any more.
func TestALoginThatWasTakenBackDoesNotLandAgain(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	v, first := e.seed(count), e.visitor()
	before, err := e.record(v)
	if err != nil {
		t.Fatal(err)
	}
	met := e.store.meet(4, func() { wantStatus(t, first.do(authenticate), http.StatusOK) })
	wantStatus(t, v.do(authenticate), http.StatusForbidden)
	if after, err := e.record(v); err != nil || !met() || after.Version == before.Version || after.Subject != "" {
		t.Errorf("of %q, %v; the same version as before: %v", after.Subject, err, after.Version == before.Version)
	}
}

// Whoever joins a login that is about to be taken back, when there is room again, stays
// signed in: neither of two clicks ends what the other has been promised.
func TestALoginThatIsJoinedBeforeItIsTakenBackStays(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	phone, computer := e.visitor(), e.seed(count)
	again, updates := computer.fork(), 0
	e.store.intercept(func(_ context.Context, o op) error {
		if o != opUpdate {
			return nil
		}
		switch updates++; updates {
		case 1: // the computer's login, which has counted
			wantStatus(t, phone.do(authenticate), http.StatusOK) //nolint:contextcheck // another request
		case 2: // that is taken back
			wantStatus(t, phone.do(destroy), http.StatusOK)      //nolint:contextcheck // likewise
			wantStatus(t, again.do(authenticate), http.StatusOK) //nolint:contextcheck // likewise
		}
		return nil
	})
	wantStatus(t, computer.do(authenticate), http.StatusOK)
	e.store.reset()
	again.is("ann", "")
	computer.is("ann", "")
	if n := len(e.list("ann")); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

// Whose login was let in stays, also where the limit is lowered before its ticket is seen.
func TestTheFirstSightOfALoginRefusesNothing(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	e.login("ann", count)
	last := e.login("ann", count).with(e.manager(e.indexed(), refusing(1)))
	last.do(nothing)
	if !alive(last) || len(e.list("ann")) != 2 {
		t.Errorf("%d sessions, want both", len(e.list("ann")))
	}
}
