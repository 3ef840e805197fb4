package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// An unheardStore gives no answer to the first Create, which lands when land is called.
type unheardStore struct {
	*memstore.Store

	land func() error
}

func (s *unheardStore) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if s.land == nil {
		ctx = context.WithoutCancel(ctx)
		s.land = func() error { return s.Store.Create(ctx, id, r) }
		return errDown
	}
	return s.Store.Create(ctx, id, r)
}

// A new session's Create is given up, and the next attempt works. The first one lands
// after everybody's session has ended: the visitor's ticket is not good for it.
func TestACreateThatLandsAfterTheEndBringsNothingBack(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"anonymous": count, "signed in": signIn("ann", count)} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			store := &unheardStore{Store: e.mem}
			e.m = e.manager(store)
			v := e.visitor()
			wantStatus(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				work(w, r, s)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					t.Errorf("Commit: %v, want the store's error", err)
				}
			}), http.StatusOK)
			if !alive(v) {
				t.Fatal("the second attempt has made no session")
			}
			if n, err := e.m.EndEverybody(t.Context()); n != 1 || err != nil {
				t.Fatalf("EndEverybody: %d, %v", n, err)
			}
			if err := store.land(); err != nil {
				t.Fatal(err)
			}
			if n, ok := read(v, counter); ok {
				t.Errorf("the session is back, with %d in it", n)
			}
			wantStatus(t, v.do(signIn("ann")), http.StatusOK)
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n, ok := counter.Lookup(s); ok || s.Subject() != "ann" {
					t.Errorf("signed in as %q, with %d from before the end", s.Subject(), n)
				}
			})
		})
	}
}

// Likewise, but the first attempt lands at once: its ticket is handed out.
func TestACreateWhoseAnswerWasLostIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	v := e.visitor()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.lose(errDown, opCreate)
		for range 2 {
			if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
				t.Errorf("Commit: %v, want the store's error", err)
			}
		}
		e.store.reset()
		count(w, r, s)
	})
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
	if n := l.records(t); n != 1 {
		t.Errorf("%d records, want 1", n)
	}
}

// However often the store has failed before: a new visitor's first change is no session's
// that has ended.
func TestAFirstChangeThatHasFailedOftenIsSavedOnceTheStoreWorks(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.fail(errDown, opCreate)
		for range 20 {
			if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
				t.Errorf("Commit: %v, want the store's error", err)
			}
		}
		e.store.reset()
	})
	if !alive(v) {
		t.Error("the change is lost")
	}
}

// Likewise, but it is said to be there, because a driver has repeated it, and ends before that
// is looked at.
func TestAFirstChangeWhoseSessionHasEndedAlreadyIsDropped(t *testing.T) {
	t.Parallel()
	e, l := newIndexedEnv(t)
	e.store.lose(sessionstore.ErrExists, opCreate)
	e.store.intercept(func(ctx context.Context, o op) (err error) {
		if o == opLoad {
			_, err = e.mem.DeleteAll(ctx)
		}
		return err
	})
	wantNoCookie(t, e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) || strings.Contains(err.Error(), "site") {
			t.Errorf("Commit: %v, want ErrNotFound, and that the session has ended", err)
		}
	}))
	if n := l.records(t); n != 0 {
		t.Errorf("%d records, want none", n)
	}
}

// A tardyStore gives no answer to one Update, which lands when land is called.
type tardyStore struct {
	*memstore.Store

	late bool
	land func() error
}

func (s *tardyStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if s.late {
		ctx = context.WithoutCancel(ctx)
		s.late, s.land = false, func() error { return s.Store.Update(ctx, id, old, r) }
		return errDown
	}
	return s.Store.Update(ctx, id, old, r)
}

// However late it lands: a change is not made twice.
func TestAnUpdateThatLandsAfterAReloadIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v, store := e.seed(count), &tardyStore{Store: e.mem}
	v.m = e.manager(store)
	wantNoCookie(t, v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		store.late = true
		commitFails(t, r, s)
		reload(t, r, s, nil)
		if err := store.land(); err != nil {
			t.Error(err)
		}
	}))
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// A write that has failed, and then the session ends without a trace.
func TestAfterALostWriteTheEndOfTheSessionIsFound(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.fail(errDown, opUpdate)
		commitFails(t, r, s)
		e.store.reset()
		if _, err := e.mem.DeleteAll(r.Context()); err != nil {
			t.Error(err)
		}
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
			t.Errorf("Commit: %v, want ErrNotFound", err)
		}
	})
	wantStatus(t, res, http.StatusOK)
}
