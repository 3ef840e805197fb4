package session_test

import (
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A store whose clock is behind still has a record that has timed out for the process that
// asks. A logout that has seen the session is not answered as if it had ended: for another
// process it has not.
func TestALogoutEndsWhatHasTimedOutByItsOwnClockAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		store := &storeBehind{Store: memstore.New(memstore.Options{})}
		v := e.visitor()
		v.m = e.manager(store)
		v.do(signIn("ann", setIdle(time.Minute)))
		id := v.id()
		wantStatus(t, v.do(store.lateLogout), http.StatusOK)
		if r, err := store.Load(t.Context(), id); err != nil || !session.IsTombstone(r) {
			t.Errorf("after the logout, there is no tombstone that keeps the ticket quiet: %v", err)
		}
	})
}

// Likewise, where the session goes on by a ticket that lives longer.
func TestALogoutWhoseTicketTimesOutMeanwhileEndsTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		store := &storeBehind{Store: memstore.New(memstore.Options{})}
		v := e.visitor()
		v.m = e.manager(store)
		v.do(signIn("ann", setIdle(time.Minute)))
		other := v.fork()
		other.do(signIn("ann", nothing)) // its answer has not arrived in v
		wantStatus(t, v.do(store.lateLogout), http.StatusOK)
		if r, err := store.Load(t.Context(), other.id()); err == nil && !session.IsTombstone(r) {
			t.Error("the session goes on after the logout")
		}
	})
}

// Nor does a slow request bring such a session back by what it has set.
func TestAWriteBringsNothingBackThatHasTimedOutByItsOwnClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.visitor()
		v.m = e.manager(&storeBehind{Store: memstore.New(memstore.Options{})})
		v.do(signIn("ann", setIdle(time.Minute)))
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			pass(2 * time.Minute)
			count(w, r, s)
		})
		v.is("", "")
	})
}

// A store that asks the clock of the process, as most do, has no such record for one that
// is ahead. Its logout ends the session for the others, too.
func TestALogoutOfAProcessThatIsAheadEndsTheSessionForTheOthers(t *testing.T) {
	t.Parallel()
	for name, late := range map[string]time.Duration{"timed out meanwhile": 0, "timed out before": 2 * time.Minute} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.visitor()
				v.m = e.manager(&storeAhead{storeBehind{Store: e.mem}})
				v.do(signIn("ann", setIdle(time.Minute)))
				copied := v.fork()
				pass(late)
				wantStatus(t, v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					pass(2 * time.Minute)
					s.Destroy()
				}), http.StatusOK)
				copied.m = e.m
				copied.is("", "")
			})
		})
	}
}

// A storeAhead is that of a process whose clock is ahead by an hour.
type storeAhead struct{ storeBehind }

func (s *storeAhead) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	r, err := s.storeBehind.Load(ctx, id)
	if err == nil && !r.Live() {
		return sessionstore.Record{}, sessionstore.ErrNotFound
	}
	return r, err
}

func (s *storeAhead) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if _, err := s.Load(ctx, id); err != nil {
		return err
	}
	return s.storeBehind.Update(ctx, id, old, r)
}

// A storeBehind keeps records for an hour longer than it is asked to.
type storeBehind struct {
	*memstore.Store

	conflict bool // the next Update comes too late
}

// lateLogout signs the visitor out when a while has passed and somebody else has written.
func (s *storeBehind) lateLogout(_ http.ResponseWriter, _ *http.Request, visitor *session.Session) {
	pass(2 * time.Minute)
	s.conflict = true
	visitor.Destroy()
}

const behind = time.Hour

func (s *storeBehind) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	r, err := s.Store.Load(ctx, id)
	r.Expires = r.Expires.Add(-behind)
	return r, err
}

func (s *storeBehind) Create(ctx context.Context, id string, r sessionstore.Record) error {
	r.Expires = r.Expires.Add(behind)
	return s.Store.Create(ctx, id, r)
}

func (s *storeBehind) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if s.conflict {
		s.conflict = false
		return sessionstore.ErrConflict
	}
	r.Expires = r.Expires.Add(behind)
	return s.Store.Update(ctx, id, old, r)
}
