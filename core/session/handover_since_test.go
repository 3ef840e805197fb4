package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The tests in this file have a handler go on after a Commit whose answer was lost.

// loseCommit commits, and the store acts, but its answer is lost.
func loseCommit(tb testing.TB, e *env, r *http.Request, s *session.Session) {
	tb.Helper()
	e.store.lose(errDown, opCreate, opUpdate)
	if s.Commit(r.Context()) == nil {
		tb.Error("an answer that is lost is no error")
	}
	e.store.reset()
}

// failSecondList has the index fail after a login is written, where the limit is kept.
func (f *faultyStore) failSecondList() {
	f.mu.Lock()
	defer f.mu.Unlock()
	lists := 0
	f.after = func(o op, answer error) error {
		if o == opList {
			lists++
		}
		if o == opList && lists == 2 {
			return errDown
		}
		return answer
	}
}

// TestAMoveAfterALostAnswerIsMade hands out a ticket, also where the write whose answer was
// lost was to hand out another.
func TestAMoveAfterALostAnswerIsMade(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		for _, first := range append([]move{{"a change", nil, nothing}}, moves[1:]...) {
			if m.name == "a first login" && first.name == "StepUp" {
				continue // nobody has signed in
			}
			t.Run(first.name+", "+m.name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				b := newBrowser(e)
				m.before(b)
				old := b.ticket
				wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					first.make(w, r, s)
					loseCommit(t, e, r, s)
					m.make(w, r, s)
				}), http.StatusOK)
				if b.ticket == old {
					t.Error("no ticket was handed out")
				}
				b.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if n := counter.Get(s); n != 1 {
						t.Errorf("counter %d, want 1", n)
					}
					if m.name == "StepUp" && !s.SteppedUp("2fa") {
						t.Error("the level is lost")
					}
				})
				b.wantSignedIn()
			})
		}
	}
}

func TestAnImpersonationAfterALostAnswerIsMade(t *testing.T) {
	t.Parallel()
	for _, first := range append([]move{{"a change", nil, nothing}}, moves[2:]...) {
		t.Run(first.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			b := member(e)
			wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				first.make(w, r, s)
				loseCommit(t, e, r, s)
				if err := s.Impersonate(r.Context(), "bob", time.Hour); err != nil {
					t.Error(err)
				}
			}), http.StatusOK)
			b.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				if s.Subject() != "bob" || s.Actor() != "ann" {
					t.Errorf("%q acts as %q, want ann as bob", s.Actor(), s.Subject())
				}
				if err := s.StopImpersonating(r.Context()); err != nil {
					t.Error(err)
				}
			})
			b.wantSignedIn()
		})
	}
}

// TestALoginAfterAReloadThatHasDroppedChanges has another tab sign in between.
func TestALoginAfterAReloadThatHasDroppedChanges(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := newBrowser(e)
	b.shop()
	other := b.at(e.m)
	wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		name.Set(s, "x")
		loseCommit(t, e, r, s)
		other.do(authenticate)
		reload(t, r, s, session.ErrNotFound)
		authenticate(w, r, s)
	}), http.StatusOK)
	b.wantSignedIn()
}

// TestALoginIsHandedOutThoughALaterAnswerIsLost has the login written, and an outage before
// its ticket may be handed out.
func TestALoginIsHandedOutThoughALaterAnswerIsLost(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions = 2 })
	b := newBrowser(e)
	b.shop()
	wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		e.store.failSecondList()
		if s.Commit(r.Context()) == nil {
			t.Error("an index that fails is no error")
		}
		count(w, r, s)
		loseCommit(t, e, r, s)
	}), http.StatusOK)
	b.wantSignedIn()
}

// TestALoginWhoseAnswerWasLostIsOneSession finds it there, and then fails to keep the limit.
func TestALoginWhoseAnswerWasLostIsOneSession(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep, func(o *session.Options) { o.MaxSessions = 2 })
	b := newBrowser(e)
	wantStatus(t, b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fillCart(w, r, s)
		authenticate(w, r, s)
		loseCommit(t, e, r, s)
		e.store.failSecondList()
		if s.Commit(r.Context()) == nil {
			t.Error("an index that fails is no error")
		}
		count(w, r, s)
	}), http.StatusOK)
	b.wantSignedIn()
	if n := len(e.list("ann")); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
	kinds := d.kinds()
	for _, kind := range []string{"created", "authenticated"} {
		if n := len(slices.DeleteFunc(slices.Clone(kinds), func(k string) bool { return k != kind })); n != 1 {
			t.Errorf("%s is told %d times, want once: %q", kind, n, kinds)
		}
	}
}

// TestALoginThatWasLostAndEvictedIsNotMadeAgain has another login take its place.
func TestALoginThatWasLostAndEvictedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]func(*browser){"a new visitor": func(*browser) {}, "anonymous": (*browser).shop} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions = 1 })
			b, winner := newBrowser(e), newBrowser(e)
			before(b)
			b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				authenticate(w, r, s)
				loseCommit(t, e, r, s)
				winner.do(both(fillCart, authenticate)) //nolint:contextcheck // another request
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) {
					t.Errorf("Commit: %v, want ErrNotFound", err)
				}
			})
			winner.wantSignedIn()
			if n := len(e.list("ann")); n != 1 {
				t.Errorf("%d sessions, want 1", n)
			}
		})
	}
}

// A repeatingCreate is behind a driver that repeats a Create whose answer was lost.
type repeatingCreate struct {
	indexedStore

	meanwhile func()
}

func (s *repeatingCreate) Create(ctx context.Context, id string, r sessionstore.Record) error {
	err := s.indexedStore.Create(ctx, id, r)
	if meanwhile := s.meanwhile; meanwhile != nil && err == nil {
		s.meanwhile = nil
		meanwhile()
		return s.indexedStore.Create(ctx, id, r)
	}
	return err
}

// TestALoginThatIsRepeatedAndEvictedIsNotMadeAgain has another login take its place before
// the driver repeats it.
func TestALoginThatIsRepeatedAndEvictedIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	limit := func(o *session.Options) { o.MaxSessions = 1 }
	e, _ := newIndexedEnv(t, limit)
	winner := newBrowser(e)
	e.m = e.manager(&repeatingCreate{indexedStore{e.store, e.mem}, func() { winner.do(both(fillCart, authenticate)) }}, limit)
	wantStatus(t, newBrowser(e).do(authenticate), http.StatusConflict)
	winner.wantSignedIn()
	if n := len(e.list("ann")); n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}

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
