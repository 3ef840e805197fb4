package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A twoStepStore lists a subject's ids first and loads their records one by one, as
// stores do that keep an index; meanwhile others write.
type twoStepStore struct {
	*memstore.Store

	mu        sync.Mutex
	meanwhile func()
}

func (s *twoStepStore) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	list, err := s.Store.ListSubject(ctx, subject)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	meanwhile := s.meanwhile
	s.meanwhile = nil
	s.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	var entries []sessionstore.Entry
	for _, e := range list {
		switch r, err := s.Load(ctx, e.ID); {
		case errors.Is(err, session.ErrNotFound):
		case err != nil:
			return nil, err
		case r.Subject == subject:
			entries = append(entries, sessionstore.Entry{ID: e.ID, Record: r})
		}
	}
	return entries, nil
}

// DeleteSubject deletes what ListSubject returns.
func (s *twoStepStore) DeleteSubject(ctx context.Context, subject string) (int, error) {
	list, err := s.ListSubject(ctx, subject)
	for _, e := range list {
		err = errors.Join(err, s.Delete(ctx, e.ID))
	}
	return len(list), err
}

// TestASessionThatMovesWhileItIsListedIsNotMissed moves one while another is about to
// end it, to list it, or to count it.
func TestASessionThatMovesWhileItIsListedIsNotMissed(t *testing.T) {
	t.Parallel()
	endings := map[string]func(phone *browser, id string) error{
		"End": func(phone *browser, id string) error { return phone.m.End(phone.tb.Context(), "ann", id) },
		"EndSubject": func(phone *browser, _ string) error {
			_, err := phone.m.EndSubject(phone.tb.Context(), "ann")
			return err
		},
		"EndOthers": func(phone *browser, _ string) (err error) {
			phone.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { _, err = s.EndOthers(r.Context()) })
			return err
		},
		"a login at the limit": func(phone *browser, _ string) error {
			for range 2 {
				other := newBrowser(&env{tb: phone.tb, m: phone.m})
				other.do(authenticate)
			}
			return nil
		},
	}
	for how, end := range endings {
		for _, m := range append([]move{{"by age", (*browser).signIn, count}}, moves[1:]...) {
			t.Run(how+" meets "+m.name, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := &twoStepStore{Store: memstore.New(memstore.Options{})}
					e := newEnv(t)
					e.m = e.manager(store, renewed, func(o *session.Options) { o.MaxSessions = 2 })
					computer, phone := member(e), member(e)
					var id string
					computer.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { id = s.ID() })
					if m.name == "by age" {
						pass(renewAge + time.Second)
					}
					moved := false
					store.mu.Lock()
					store.meanwhile = func() { moved = offers(computer.do(m.make)) }
					store.mu.Unlock()
					if list, err := e.m.List(t.Context(), "ann"); err != nil || len(list) != 2 || !moved {
						t.Errorf("List is %d sessions, %v, and the session has moved: %v; want both", len(list), err, moved)
					}
					if m.name == "by age" {
						computer.do(nothing)
						pass(renewAge + time.Second)
					}
					store.mu.Lock()
					store.meanwhile = func() { computer.do(m.make) }
					store.mu.Unlock()
					if err := end(phone, id); err != nil {
						t.Error(err)
					}
					computer.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
						if s.Subject() != "" && how != "a login at the limit" {
							t.Error("the session lives on")
						}
					})
					list, err := e.m.List(t.Context(), "ann")
					listed := slices.ContainsFunc(list, func(i session.Info) bool { return i.ID == id })
					if err != nil || len(list) > 2 || how != "a login at the limit" && listed {
						t.Errorf("List afterwards: %d sessions, %v", len(list), err)
					}
				})
			})
		}
	}
}

// A damagingStore has one record of a subject that can't be read.
type damagingStore struct {
	*memstore.Store
}

func (s damagingStore) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	list, err := s.Store.ListSubject(ctx, subject)
	return list, errors.Join(err, fmt.Errorf("record: %w", sessionstore.ErrCorrupt))
}

// TestADamagedRecordStandsInNobodysWay has one in a subject's list, found by the store
// or by the Manager.
func TestADamagedRecordStandsInNobodysWay(t *testing.T) {
	t.Parallel()
	for _, byStore := range []bool{true, false} {
		t.Run(fmt.Sprintf("found by the store %v", byStore), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			var store session.Store = e.mem
			if byStore {
				store = damagingStore{e.mem}
			} else {
				r := sessionstore.Record{Data: []byte("damage"), Subject: "ann", Expires: farAway, Version: sessionstore.NewVersion()}
				if err := e.mem.Create(t.Context(), strings.Repeat("A", sessionstore.IDLen), r); err != nil {
					t.Fatal(err)
				}
			}
			e.m = e.manager(store, func(o *session.Options) { o.MaxSessions = 2 })
			b := member(e)
			other := member(e)
			if list, err := e.m.List(t.Context(), "ann"); err != nil || len(list) != 2 {
				t.Errorf("List is %d sessions, %v, want 2", len(list), err)
			}
			other.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				if n, err := s.EndOthers(r.Context()); n < 1 || err != nil {
					t.Errorf("EndOthers is %d, %v", n, err)
				}
			})
			other.wantSignedIn()
			if n, err := e.m.EndSubject(t.Context(), "ann"); n != 1 || err != nil {
				t.Errorf("EndSubject is %d, %v, want 1", n, err)
			}
			for _, b := range []*browser{b, other} {
				b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if s.Subject() != "" {
						t.Error("a session lives on")
					}
				})
			}
		})
	}
}

// TestALoginThatNobodyHasReceivedMakesRoom has one whose answer, and all that would
// have cleaned it up, was lost: it is the first that ends.
func TestALoginThatNobodyHasReceivedMakesRoom(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{true, false} {
		t.Run(fmt.Sprintf("RefuseNew %v", refuse), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				mem := memstore.New(memstore.Options{})
				store := &faultyStore{inner: mem}
				e := newEnv(t)
				e.m = e.manager(indexedStore{store, mem}, func(o *session.Options) {
					o.MaxSessions, o.RefuseNew = 2, refuse
				})
				phone := member(e)
				pass(time.Minute)
				failFrom(store, 1, true) // the list, then Create, whose answer is lost, and all else
				res := newBrowser(e).do(authenticate)
				wantOutage(t, res)
				store.reset()
				pass(11 * time.Minute)
				phone.wantSignedIn()
				computer := newBrowser(e)
				computer.shop()
				wantStatus(t, computer.do(authenticate), http.StatusOK)
				computer.wantSignedIn()
				phone.wantSignedIn()
			})
		})
	}
}

// A stalledStore answers nothing in time.
type stalledStore struct{ *memstore.Store }

func (stalledStore) ListSubject(ctx context.Context, _ string) ([]sessionstore.Entry, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (stalledStore) DeleteSubject(ctx context.Context, _ string) (int, error) {
	<-ctx.Done()
	return 0, ctx.Err()
}

// TestEveryCallIsBoundedByStoreTimeout has a store that stalls and a caller who has time.
func TestEveryCallIsBoundedByStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		const bound = 2 * time.Second
		e := newEnv(t)
		b := member(e)
		m := e.manager(stalledStore{e.mem}, func(o *session.Options) { o.StoreTimeout = bound })
		calls := map[string]func(context.Context) error{
			"List":       func(ctx context.Context) error { _, err := m.List(ctx, "ann"); return err },
			"End":        func(ctx context.Context) error { return m.End(ctx, "ann", "id") },
			"EndSubject": func(ctx context.Context) error { _, err := m.EndSubject(ctx, "ann"); return err },
			"EndOthers": func(ctx context.Context) (err error) {
				end := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { _, err = s.EndOthers(ctx) }
				b.at(m).do(end) //nolint:contextcheck // another request
				return err
			},
		}
		for name, call := range calls {
			ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
			began := time.Now()
			err := call(ctx)
			if took := time.Since(began); took > bound || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: %v after %v, want an error within %v", name, err, took, bound)
			}
			cancel()
		}
	})
}
