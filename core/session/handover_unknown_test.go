package session_test

import (
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// The tests in this file have others write so often after a lost answer that nobody can tell
// whether a change was saved, or nearly so.

// TestAStreamGoesOnAfterWhatNobodyCanTell has others write as often as a record remembers:
// the change is given up, and told once; what comes after it is saved.
func TestAStreamGoesOnAfterWhatNobodyCanTell(t *testing.T) {
	t.Parallel()
	for _, acts := range []bool{false, true} {
		t.Run(map[bool]string{false: "own", true: "acting"}[acts], func(t *testing.T) {
			t.Parallel()
			var d diary
			e := newEnv(t, d.keep)
			b := member(e)
			if acts {
				b.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					if err := s.Impersonate(r.Context(), "bob", time.Hour); err != nil {
						t.Error(err)
					}
				})
				b.do(nothing)
			}
			late := b.at(e.m)
			b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.WriteHeader(http.StatusOK)
				who, actor := s.Subject(), s.Actor()
				count(w, r, s)
				loseCommit(t, e, r, s)
				for range 8 {
					late.ask(count) //nolint:contextcheck // another request
				}
				d.taken()
				if err := s.Commit(r.Context()); err == nil || session.StatusCode(err) != http.StatusServiceUnavailable {
					t.Errorf("Commit: %v, want what is a 503", err)
				}
				wantEvents(t, &d, "conflict", "store error")
				e.store.taken()
				if s.Commit(r.Context()) == nil || len(e.store.taken()) > 0 {
					t.Error("a change that was given up is tried again")
				}
				if n := counter.Get(s); n != 9 {
					t.Errorf("counter %d, want 9, which is stored", n)
				}
				count(w, r, s)
				if err := s.Commit(r.Context()); err != nil {
					t.Errorf("the next change: %v", err)
				}
				reload(t, r, s, nil)
				if s.Subject() != who || s.Actor() != actor || counter.Get(s) != 10 {
					t.Errorf("%q acts as %q, counter %d", s.Actor(), s.Subject(), counter.Get(s))
				}
			})
		})
	}
}

// TestAStreamThatCommitsDuringAnOutageForgetsNothing commits a hundred times. A store that
// is down is asked in the end, and not written to.
func TestAStreamThatCommitsDuringAnOutageForgetsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		down   []op
		writes int
	}{
		"all is down":    {[]op{opLoad, opUpdate}, 8},
		"writes go lost": {[]op{opUpdate}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			b := member(e)
			b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.WriteHeader(http.StatusOK)
				e.store.fail(errDown, c.down...)
				e.store.taken()
				for range 100 {
					count(w, r, s)
					if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
						t.Fatalf("Commit: %v", err)
					}
				}
				if n := e.store.taken()[opUpdate]; n != c.writes {
					t.Errorf("%d writes, want %d", n, c.writes)
				}
				e.store.reset()
				if err := s.Commit(r.Context()); err != nil {
					t.Errorf("Commit: %v", err)
				}
			})
			b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if n := counter.Get(s); n != 100 {
					t.Errorf("counter %d, want 100", n)
				}
			})
		})
	}
}

// TestARecordTellsBehindATouch has a store without Touch move the expiry by an Update, which
// no record remembers.
func TestARecordTellsBehindATouch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		e.m = e.manager(plainStore{e.store})
		b := member(e)
		for range 8 {
			b.do(count)
		}
		pass(idle)
		e.store.taken()
		b.do(nothing)
		if calls := e.store.taken(); calls[opUpdate] != 1 {
			t.Fatalf("store calls %v, want a touch", calls)
		}
		late := b.at(e.m)
		wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			e.store.fail(errDown, opUpdate)
			if s.Commit(r.Context()) == nil {
				t.Error("a store that fails is no error")
			}
			e.store.reset()
			late.do(count) //nolint:contextcheck // another request
		}), http.StatusOK)
		b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if n := counter.Get(s); n != 10 {
				t.Errorf("counter %d, want 10", n)
			}
		})
	})
}

// TestWhatNobodyCanTellBeginsNoOtherSession has the visitor sign in while the change is
// given up: the request's ticket is worthless from then on.
func TestWhatNobodyCanTellBeginsNoOtherSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := newBrowser(e)
	b.shop()
	other, late := b.at(e.m), b.at(e.m)
	res := b.ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		loseCommit(t, e, r, s)
		for range 8 {
			late.ask(count) //nolint:contextcheck // another request
		}
		met := e.store.meet(3, func() { other.do(authenticate) }) //nolint:contextcheck // another request
		if s.Commit(r.Context()) == nil || !met() {
			t.Error("the outcome is known")
		}
		e.store.reset()
		count(w, r, s)
	})
	wantNoTicket(t, res)
	other.wantSignedIn()
}
