package session_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestASubjectThatCanNotBeSignedInIsToldByContinue has fill set nothing: there is nothing to
// commit but the error.
func TestASubjectThatCanNotBeSignedInIsToldByContinue(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := e.visitor().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		err := s.MoveIn(r.Context(), "over there", "a\x00b", func() error { return nil })
		if !errors.Is(err, session.ErrInvalid) || !s.IsNew() {
			t.Errorf("%v, want ErrInvalid; is new %t", err, s.IsNew())
		}
	})
	wantStatus(t, res, http.StatusOK)
}

// TestWhatWasLeftEndsWhereTheStoreHasNoRoom has bob sign in where ann's session goes on, and
// the store take no writes then: only Delete works. Hers may be gone by then.
func TestWhatWasLeftEndsWhereTheStoreHasNoRoom(t *testing.T) {
	t.Parallel()
	for what, then := range map[string]handler{"reads": nothing, "signs out": destroy} {
		for _, gone := range []bool{false, true} {
			e, _ := newIndexedEnv(t)
			var err error
			ann, bob := e.visitor(), e.visitor()
			ann.do(goOn(&err))
			bob.do(goOn(&err, signIn("bob", count)))
			if gone {
				if n, err := e.m.EndSubject(t.Context(), "ann"); n != 1 || err != nil {
					t.Error(n, err)
				}
			}
			e.store.fail(errDown, opCreate, opUpdate, opTouch)
			if res := bob.do(then); res.StatusCode != http.StatusOK {
				t.Errorf("who %s gets %d, hers was gone %t", what, res.StatusCode, gone)
			}
			e.store.reset()
			if alive(ann) {
				t.Errorf("ann's session lives on when bob %s", what)
			}
			if out := what == "signs out"; alive(bob) == out {
				t.Errorf("bob's session lives %t when he %s, hers was gone %t", !out, what, gone)
			}
		}
	}
}

// TestALoginWhereAnotherGoesOnIsOneSession has the visitor sign in as somebody else in the
// request that goes on with ann's session, and the first write of that has no answer.
func TestALoginWhereAnotherGoesOnIsOneSession(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t)
	var err, lost error
	v := e.visitor()
	res := v.do(goOn(&err, signIn("bob", count), func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		e.store.lose(errDown, opCreate)
		lost = s.Commit(r.Context())
		e.store.reset()
	}))
	wantStatus(t, res, http.StatusOK)
	if n := len(e.list("bob")); err != nil || lost == nil || n != 1 || !alive(v) {
		t.Errorf("%v, %v; bob has %d sessions", err, lost, n)
	}
}

// TestAnAnonymousSessionThatBecomesSomebodysIsLeftToThem has that happen between the Load
// and the Create of a request that goes on with the same old session.
func TestAnAnonymousSessionThatBecomesSomebodysIsLeftToThem(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	one, other := e.visitor(), e.visitor()
	e.store.meet(2, func() { goOnAsNobody(t, one, signIn("ann", count)) })
	goOnAsNobody(t, other, nothing)
	wantAnn(t, one, 2)
	other.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if n := counter.Get(s); s.Subject() != "" || n != 1 {
			t.Errorf("the other is %q and counts %d", s.Subject(), n)
		}
	})
}

// TestWhoMeetsALoginThatIsTakenBackKeepsWhatTheyHave has a second request find the session
// before the one that began it has looked whether it is one too many.
func TestWhoMeetsALoginThatIsTakenBackKeepsWhatTheyHave(t *testing.T) {
	t.Parallel()
	e, _ := newIndexedEnv(t, refusing(1))
	var err, met error
	phone, first, second := e.visitor(), e.visitor(), e.visitor()
	creates, lists, busy := 0, 0, false
	e.store.intercept(func(_ context.Context, o op) error {
		switch {
		case busy:
		case o == opCreate && creates == 0: // it has counted, and is not written yet
			creates, busy = 1, true
			phone.do(signIn("ann", count)) //nolint:contextcheck // another request
			busy = false
		case o == opList && creates == 1 && lists == 0: // written, and not counted again
			lists, busy = 1, true
			second.do(goOn(&met)) //nolint:contextcheck // likewise
			busy = false
		}
		return nil
	})
	first.do(goOn(&err))
	if !errors.Is(met, session.ErrTooManySessions) || second.cookie != nil {
		t.Errorf("%v for who met it, want ErrTooManySessions; the first has %v", met, err)
	}
	if err == nil || first.cookie != nil {
		t.Errorf("the first: %v", err)
	}
	if !alive(phone) {
		t.Error("the phone's session has ended")
	}
}

// TestTheSessionThatAnotherBeginsIsNotOneTooMany has the other begin it between this
// request's Load and its look at the limit.
func TestTheSessionThatAnotherBeginsIsNotOneTooMany(t *testing.T) {
	t.Parallel()
	for _, refuse := range []bool{false, true} {
		e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, refuse })
		var err, other error
		v := e.visitor()
		met := e.store.meet(2, func() { v.fork().do(goOn(&other, count)) })
		v.do(goOn(&err, count))
		if err != nil || other != nil || !met() {
			t.Errorf("refuse %t: %v, %v", refuse, err, other)
		}
		wantAnn(t, v, 3)
	}
}

// TestAWriteThatADriverRepeatsGoesOn has the Create's answer say that it is there, and the
// Touch behind it meet another write.
func TestAWriteThatADriverRepeatsGoesOn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.TouchInterval = 1 })
		e.store.lose(sessionstore.ErrExists, opCreate)
		touched := false
		e.store.intercept(func(_ context.Context, o op) error {
			switch {
			case o == opLoad:
				<-time.After(time.Second)
			case o == opTouch && !touched:
				touched = true
				return sessionstore.ErrConflict
			}
			return nil
		})
		var err error
		v := e.visitor()
		v.do(goOn(&err))
		e.store.reset()
		if err != nil || !touched {
			t.Errorf("%v, touched %t", err, touched)
		}
		wantAnn(t, v, 1)
	})
}

// TestAPlantedSessionEndsNobodys has a thief, who has planted an anonymous old session,
// show it after the visitor has signed in to what goes on with it.
func TestAPlantedSessionEndsNobodys(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *session.Options) { o.Binding = session.Binding{UserAgent: true} })
	from := func(v *visitor, agent string, more handler) {
		v.serve(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			r.Header.Set("User-Agent", agent)
			e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if err := s.MoveIn(r.Context(), "over there", "", func() error { counter.Set(s, 1); return nil }); err != nil {
					t.Error(err)
				}
				more(w, r, s)
			}).ServeHTTP(w, r)
		}))
	}
	victim, thief := e.visitor(), e.visitor()
	from(victim, "Firefox", authenticate)
	from(thief, "curl", nothing)
	from(thief, "curl", nothing)
	from(victim, "Firefox", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("the victim is %q", s.Subject())
		}
	})
}

// TestWhatCanNotBeFinishedIsAsItWasBefore has the session be written, and what comes behind
// it fail: an outage while the limit is kept, or a refusal.
func TestWhatCanNotBeFinishedIsAsItWasBefore(t *testing.T) {
	t.Parallel()
	for name, had := range map[string]bool{"new": false, "with a session": true} {
		for _, refuse := range []bool{false, true} {
			e, _ := newIndexedEnv(t, func(o *session.Options) { o.MaxSessions, o.RefuseNew = 1, refuse })
			v, phone := e.visitor(), e.login("ann", count)
			if had {
				v = e.seed(count)
			}
			if refuse {
				phone.do(count)
			}
			lists := 0
			e.store.intercept(func(_ context.Context, o op) error {
				if o == opList && !refuse {
					if lists++; lists == 2 {
						return errDown
					}
				}
				return nil
			})
			var err error
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if had {
					count(w, r, s) // what was changed before
				}
				if goOn(&err)(w, r, s); err == nil || s.Subject() != "" || s.IsNew() == had {
					t.Errorf("%s, refuse %t: %v; %q is new %t", name, refuse, err, s.Subject(), s.IsNew())
				}
			})
			e.store.reset()
			if n, _ := read(v, counter); refuse && had && n != 2 {
				t.Errorf("%s: what was changed before is lost, it counts %d", name, n)
			}
			phone.do(destroy)
			if v.do(goOn(&err)); err != nil {
				t.Errorf("%s, refuse %t: again: %v", name, refuse, err)
			}
			v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if s.Subject() != "ann" {
					t.Errorf("%s, refuse %t: then it is %q's", name, refuse, s.Subject())
				}
			})
			if n := len(e.list("ann")); n != 1 {
				t.Errorf("%s, refuse %t: ann has %d sessions", name, refuse, n)
			}
		}
	}
}

// TestWhatGoesOnWithNothingDoesNotGoOnLater has fill leave nothing to commit: what the
// handler sets later is no part of what Continue goes on with.
func TestWhatGoesOnWithNothingDoesNotGoOnLater(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for want := 1; want <= 2; want++ {
		v := e.visitor()
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			err := s.MoveIn(r.Context(), "over there", "", func() error {
				counter.Set(s, 5)
				counter.Delete(s)
				return nil
			})
			if counter.Set(s, want); err != nil {
				t.Error(err)
			}
		})
		if n, _ := read(v, counter); n != want {
			t.Errorf("it counts %d, want %d", n, want)
		}
	}
}

// TestWhatIsSetAfterItHasFailedIsSaved has the driver repeat the Create, so that it is said to be
// there, and the store not be reached just then.
func TestWhatIsSetAfterItHasFailedIsSaved(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		var err error
		e.store.fail(errDown, opCreate)
		if goOn(&err)(w, r, s); !errors.Is(err, errDown) {
			t.Errorf("%v, want the store's error", err)
		}
		e.store.reset()
		e.store.lose(sessionstore.ErrExists, opCreate)
		e.store.fail(errDown, opLoad)
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
			t.Errorf("Commit: %v, want the store's error", err)
		}
		e.store.reset()
	})
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
}

// TestWhatBeginsUnderWayMeetsAWriteOnceItIsFound has the driver repeat the Create, and another
// request with the same old session write it twice before it is touched.
func TestWhatBeginsUnderWayMeetsAWriteOnceItIsFound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.TouchInterval = 1 })
		v, other := e.visitor(), e.visitor()
		other.m = e.manager(e.mem, func(o *session.Options) { // so that the Touch stays due
			o.Passive = append(o.Passive, func(*http.Request) bool { return true })
		})
		var err, met error
		touched := 0
		e.store.lose(sessionstore.ErrExists, opCreate)
		e.store.intercept(func(_ context.Context, o op) error {
			switch {
			case o == opCreate:
				pass(time.Second) // a Touch is due then
			case o == opTouch && touched < 2:
				touched++
				other.do(goOn(&met, count)) //nolint:contextcheck // another request
			}
			return nil
		})
		v.do(goOn(&err, count))
		if touched != 2 || err != nil || met != nil {
			t.Errorf("touched %d times, %v, %v", touched, err, met)
		}
		wantAnn(t, v, 4)
	})
}

// TestALogoutWithAnOldSessionNeedsNothingButDelete has the record where the old session would
// begin be damaged, and the Sealer not seal: what keeps nobody else from signing out.
func TestALogoutWithAnOldSessionNeedsNothingButDelete(t *testing.T) {
	t.Parallel()
	for name, fail := range map[string]func(e *env, v *visitor, sealer session.Sealer){
		"damaged": func(e *env, _ *visitor, _ session.Sealer) {
			e.store.at(2, false, false, sessionstore.ErrCorrupt) // after the Load of their own
		},
		"not sealed": func(e *env, v *visitor, sealer session.Sealer) {
			v.m = e.manager(e.store, func(o *session.Options) { o.Sealer = mutedSealer{sealer} })
		},
	} {
		e := newEnv(t)
		sealer, err := session.NewSealer(testKey)
		if err != nil {
			t.Fatal(err)
		}
		v := e.visitor()
		v.m = e.manager(e.store, func(o *session.Options) { o.Sealer = sealer })
		healthy := v.m
		v.do(count)
		v.do(goOn(&err))
		v.do(nothing)
		old := v.fork()
		e.store.reset()
		fail(e, v, sealer)
		if res := v.do(destroy); err != nil || res.StatusCode != http.StatusOK {
			t.Errorf("%s: %v, who signs out gets %d", name, err, res.StatusCode)
		}
		e.store.reset()
		if old.m = healthy; alive(old) {
			t.Errorf("%s: the session is alive", name)
		}
	}
}
