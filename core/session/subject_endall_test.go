package session_test

import (
	"context"
	"errors"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestEndAllEndsEverybodysSessions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.m = e.manager(e.mem)
	visitors := []*visitor{e.login("ann", count), e.login("ann", count), e.login("bob", count), e.seed(count)}
	if n, err := e.m.EndAll(t.Context()); n != len(visitors) || err != nil {
		t.Errorf("EndAll: %d, %v, want %d", n, err, len(visitors))
	}
	for i, v := range visitors {
		if alive(v) {
			t.Errorf("session %d lives on", i)
		}
	}
	if n, err := e.m.EndAll(t.Context()); n != 0 || err != nil {
		t.Errorf("EndAll of nothing: %d, %v", n, err)
	}
}

// A movingStore makes a record, or fails, when others have just been deleted.
type movingStore struct {
	*memstore.Store

	after func() error // called once
}

func (s *movingStore) DeleteAll(ctx context.Context) (int, error) {
	n, err := s.Store.DeleteAll(ctx)
	if after := s.after; after != nil {
		s.after = nil
		err = errors.Join(err, after())
	}
	return n, err
}

func TestEndAllEndsASessionThatWasJustMoving(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	store := &movingStore{Store: e.mem}
	e.m = e.manager(store)
	e.seed(count)
	var moved *visitor
	store.after = func() error { moved = e.seed(count); return nil }
	if n, err := e.m.EndAll(t.Context()); n != 2 || err != nil {
		t.Errorf("EndAll: %d, %v, want 2", n, err)
	}
	if alive(moved) {
		t.Error("a session got past")
	}
}

func TestAFailureOfEndAllIsReportedWithWhatHasEnded(t *testing.T) {
	t.Parallel()
	var d diary
	e := newEnv(t)
	store := &movingStore{Store: e.mem, after: func() error { return errDown }}
	e.m = e.manager(store, d.keep)
	e.seed(count)
	d.taken()
	if n, err := e.m.EndAll(t.Context()); n != 1 || !errors.Is(err, errDown) {
		t.Errorf("EndAll: %d, %v, want 1 and the store's error", n, err)
	}
	if got := d.taken(); len(got) != 1 || got[0].Kind != session.EventStoreError {
		t.Errorf("told %+v, want a store error", got)
	}
}
