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
			if m.name == "a first login" && (first.name == "StepUp" || first.name == "Reauthenticate") {
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
					if m.name == "Reauthenticate" && !s.Fresh(time.Minute) {
						t.Error("it is not fresh")
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

// TestATicketThatWasOfferedIsGoodThoughALaterAnswerIsLost makes a second move in a request:
// the answer hands out what the first has offered.
func TestATicketThatWasOfferedIsGoodThoughALaterAnswerIsLost(t *testing.T) {
	t.Parallel()
	impersonate := func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_ = s.Impersonate(r.Context(), "bob", time.Hour) // the answer is lost
	}
	for _, first := range moves {
		for _, second := range append([]move{{"Impersonate", nil, impersonate}}, moves[1:]...) {
			t.Run(first.name+", "+second.name, func(t *testing.T) {
				t.Parallel()
				e := newEnv(t)
				b := newBrowser(e)
				first.before(b)
				old := b.ticket
				b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					first.make(w, r, s)
					if err := s.Commit(r.Context()); err != nil {
						t.Error(err)
					}
					e.store.lose(errDown, opUpdate)
					second.make(w, r, s)
				})
				e.store.reset()
				if b.ticket == old {
					t.Error("the first ticket is not handed out")
				}
				b.wantSignedIn()
			})
		}
	}
}

// TestAMoveThatHasLandedIsNotMadeTwice has what follows see that there is nothing left to do.
func TestAMoveThatHasLandedIsNotMadeTwice(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		for _, again := range []bool{false, true} { // by Reload
			e := newEnv(t)
			b := newBrowser(e)
			m.before(b)
			old := b.ticket
			b.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				m.make(w, r, s)
				loseCommit(t, e, r, s)
				if again {
					reload(t, r, s, nil)
					e.store.reset()
				}
			})
			if calls := e.store.taken(); again && calls[opUpdate] > 0 || !again && (calls[opUpdate] != 1 || calls[opLoad] != 1) {
				t.Errorf("%s, reloaded %t: store calls %v", m.name, again, calls)
			}
			if b.ticket == old {
				t.Errorf("%s, reloaded %t: no ticket is handed out", m.name, again)
			}
		}
	}
}

// TestARetiredTicketGetsNoOtherThoughTheAnswerIsLost has the changes land that were made beside.
func TestARetiredTicketGetsNoOtherThoughTheAnswerIsLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.TouchInterval = 1 })
		b := member(e)
		retired := b.at(e.m)
		b.do(renew)
		b.do(nothing)
		retired.ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			s.Renew()
			loseCommit(t, e, r, s)
			for range 2 {
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrRetired) {
					t.Errorf("Commit: %v, want ErrRetired", err)
				}
				pass(time.Second) // the second only extends the session
			}
		})
	})
}

// TestARenewThatComesTooLateIsToldThoughItsChangesHaveLanded has Reload find them.
func TestARenewThatComesTooLateIsToldThoughItsChangesHaveLanded(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	member(e).ask(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		count(w, r, s)
		s.Renew()
		loseCommit(t, e, r, s)
		reload(t, r, s, nil)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("Commit: %v, want ErrHeaderSent", err)
		}
	})
}

// TestALimitIsKeptThoughTheNextWriteIsFoundLanded has the list fail behind the login, and then the
// answer of another write be lost.
func TestALimitIsKeptThoughTheNextWriteIsFoundLanded(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, atMost(1))
	first := e.login("ann")
	e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		e.store.failSecondList()
		commitFails(t, r, s)
		e.store.reset()
		count(w, r, s)
		loseCommit(t, e, r, s)
		for i := range 2 {
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
			if calls := e.store.taken(); i > 0 && len(calls) > 0 {
				t.Errorf("store calls %v, and all is done", calls)
			}
		}
	})
	if n := len(e.list("ann")); alive(first) || n != 1 {
		t.Errorf("%d sessions, want 1", n)
	}
}
