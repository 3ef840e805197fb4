package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A repeatingStore is behind a driver that repeats an Update whose answer was lost; in
// the meantime somebody else has written. An honest one says so.
type repeatingStore struct {
	*faultyStore

	honest bool

	mu        sync.Mutex
	meanwhile func()
}

func (s *repeatingStore) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	err := s.faultyStore.Update(ctx, id, old, r)
	s.mu.Lock()
	meanwhile := s.meanwhile
	s.meanwhile = nil
	s.mu.Unlock()
	if meanwhile == nil || err != nil {
		return err
	}
	meanwhile()
	err = s.faultyStore.Update(ctx, id, old, r)
	if s.honest && errors.Is(err, sessionstore.ErrConflict) {
		return fmt.Errorf("%w: %w", err, sessionstore.ErrRepeated)
	}
	return err
}

// TestAWriteThatComesBackAsAConflictIsMadeOnce repeats one after up to seven others.
func TestAWriteThatComesBackAsAConflictIsMadeOnce(t *testing.T) {
	t.Parallel()
	for others := range 7 {
		for _, m := range append([]move{{"nothing else", (*browser).signIn, nothing}}, moves...) {
			t.Run(fmt.Sprintf("%s, %d others", m.name, others), func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				store := &repeatingStore{faultyStore: e.store}
				e.m = e.manager(store)
				b := newBrowser(e)
				m.before(b)
				store.mu.Lock()
				late, fresh := b.at(e.m), 0
				store.meanwhile = func() {
					for range others {
						late.ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
							if s.Subject() != "" || m.name != "a first login" {
								fresh++
							}
							count(w, r, s)
						})
					}
				}
				store.mu.Unlock()
				res := b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					m.make(w, r, s)
				})
				wantStatus(t, res, http.StatusOK)
				b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if n := counter.Get(s); n != 1+fresh {
						t.Errorf("counter %d, want %d: a change was lost, or made twice", n, 1+fresh)
					}
				})
				b.wantSignedIn()
			})
		}
	}
}

// TestAWriteBehindManyOthersIsNotMadeTwice loses an answer behind as many writes as a record
// remembers, and more.
func TestAWriteBehindManyOthersIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for _, others := range []int{6, 7, 8, 9, 20} {
		t.Run(strconv.Itoa(others), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			store := &repeatingStore{faultyStore: e.store, honest: true}
			e.m = e.manager(store)
			b := member(e)
			late := b.at(e.m)
			store.mu.Lock()
			store.meanwhile = func() {
				for range others {
					late.ask(count)
				}
			}
			store.mu.Unlock()
			want := http.StatusOK
			if others > 7 {
				want = http.StatusServiceUnavailable // it may have been made, and nobody can tell
			}
			wantStatus(t, b.do(count), want)
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != 1+others {
					t.Errorf("counter %d, want %d: a change was lost, or made twice", n, 1+others)
				}
			})
			wantStatus(t, b.do(count), http.StatusOK)
			b.wantSignedIn()
		})
	}
}

// TestACommitBehindManyOthersIsNotMadeTwice has a handler commit again after a lost answer,
// and after others have written as often as a record remembers; then after an error that
// came before the store had written anything.
func TestACommitBehindManyOthersIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		fail   func(*faultyStore)
		others int
		want   int // of this request's changes
		status int
	}{
		"written, 7 others":     {func(s *faultyStore) { s.lose(errDown, opUpdate) }, 7, 1, http.StatusOK},
		"written, 8 others":     {func(s *faultyStore) { s.lose(errDown, opUpdate) }, 8, 1, http.StatusServiceUnavailable},
		"not written, 7 others": {func(s *faultyStore) { s.fail(errDown, opUpdate) }, 7, 1, http.StatusOK},
		"not written, 8 others": {func(s *faultyStore) { s.fail(errDown, opUpdate) }, 8, 0, http.StatusServiceUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			b := member(e)
			e.store.reset()
			late := b.at(e.m)
			res := b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				c.fail(e.store)
				if s.Commit(r.Context()) == nil {
					t.Error("an answer that is lost is no error")
				}
				e.store.reset()
				for range c.others {
					late.ask(count) //nolint:contextcheck // another request
				}
			})
			wantStatus(t, res, c.status)
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != c.want+c.others {
					t.Errorf("counter %d, want %d", n, c.want+c.others)
				}
			})
			b.wantSignedIn()
		})
	}
}

// TestASlowHandlerMeetsManyOthers has the session written more often than a record
// remembers while a handler runs: its changes are made.
func TestASlowHandlerMeetsManyOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	late := b.at(e.m)
	res := b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		for range 20 {
			late.ask(count)
		}
	})
	wantStatus(t, res, http.StatusOK)
	b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if n := counter.Get(s); n != 21 {
			t.Errorf("counter %d, want 21", n)
		}
	})
}

// TestACommitThatIsRepeatedMakesItsChangesOnce has a handler that commits again after
// an error; in the meantime somebody else has written.
func TestACommitThatIsRepeatedMakesItsChangesOnce(t *testing.T) {
	t.Parallel()
	for _, m := range append([]move{{"nothing else", (*browser).signIn, nothing}}, moves...) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			b := newBrowser(e)
			m.before(b)
			e.store.reset()
			late := b.at(e.m)
			res := b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				m.make(w, r, s)
				e.store.lose(errDown, opUpdate)
				if s.Commit(r.Context()) == nil {
					t.Error("an answer that is lost is no error")
				}
				e.store.reset()
				late.ask(fillCart) //nolint:contextcheck // another request
				count(w, r, s)
			})
			wantStatus(t, res, http.StatusOK)
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != 2 {
					t.Errorf("counter %d, want 2", n)
				}
			})
			b.wantSignedIn()
		})
	}
}

// TestAChangeThatIsMadeDuringReloadIsKept has a function given to Update run again, and
// something else change meanwhile.
func TestAChangeThatIsMadeDuringReloadIsKept(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	other := b.at(e.m)
	b.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		runs := 0
		counter.Update(s, func(n int) int {
			if runs++; runs == 2 {
				name.Set(s, "meanwhile")
			}
			return n + 1
		})
		other.ask(fillCart) //nolint:contextcheck // another request
		if err := s.Reload(r.Context()); err != nil {
			t.Error(err)
		}
	})
	b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if name.Get(s) != "meanwhile" || counter.Get(s) != 1 {
			t.Errorf("%q and %d are left", name.Get(s), counter.Get(s))
		}
	})
}
