package session_test

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestASessionInItsCookieEndsWithItsIdleTimeout(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		pass(session.DefaultIdleTimeout - 1)
		if v.isNew() {
			e.tb.Error("dead at T-1ns")
		}
		pass(1)
		if !v.isNew() {
			e.tb.Error("alive at T")
		}
	})
}

func TestNoCopyOfACookieOutlivesTheAbsoluteTimeout(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		copies := []*visitor{v.fork()}
		for range 24*60 - 1 {
			pass(time.Minute)
			v.do(look)
			copies = append(copies, v.fork())
		}
		pass(time.Minute - 1)
		if v.isNew() {
			e.tb.Error("dead 1 ns before AbsoluteTimeout")
		}
		pass(1)
		for _, c := range copies {
			if !c.isNew() {
				e.tb.Fatal("a copy works at AbsoluteTimeout")
			}
		}
	})
}

func TestAShorterAbsoluteTimeoutHoldsForCookiesThatAreOut(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		mode := cookieOnlyModes[e.tb.Name()[strings.LastIndex(e.tb.Name(), "/")+1:]]
		v := e.seed(count).with(e.cookieOnly(mode, func(o *session.Options) {
			o.IdleTimeout, o.AbsoluteTimeout = time.Minute, time.Minute
		}))
		pass(time.Minute - 1)
		if v.isNew() {
			e.tb.Error("dead 1 ns before AbsoluteTimeout")
		}
		pass(1)
		if !v.isNew() {
			e.tb.Error("alive at AbsoluteTimeout")
		}
	})
}

func TestReadingASessionInItsCookieSendsItAgainOncePerTouchInterval(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		first := v.cookie.Value
		pass(session.DefaultIdleTimeout/10 - 1)
		wantNoCookie(e.tb, v.do(look))
		pass(1)
		v.do(look)
		if v.cookie.Value == first {
			e.tb.Fatal("the cookie was not sent again")
		}
		wantNoCookie(e.tb, v.do(look))
		pass(session.DefaultIdleTimeout - 1)
		if v.isNew() {
			e.tb.Error("the session was not extended")
		}
		if !v.holding(first).isNew() {
			e.tb.Error("the cookie of before was extended")
		}
	})
}

func TestASessionWhoseTimeIsUpIsNotBroughtBackByItsCookie(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"reads": look, "writes": count, "authenticates": authenticate} {
		want := http.StatusOK
		if name == "authenticates" {
			want = http.StatusConflict
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachMode(t, func(e *env) {
				v := e.seed(count)
				pass(session.DefaultIdleTimeout / 2)
				finish := v.fork().slow(work)
				pass(session.DefaultIdleTimeout / 2)
				res := finish()
				wantStatus(e.tb, res, want)
				wantNoCookie(e.tb, res)
			})
		})
	}
}

func TestAfterTheHeaderASessionInItsCookieCanNotChange(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		pass(session.DefaultIdleTimeout / 2)
		for what, change := range map[string]func(*session.Session){
			"Set":          func(s *session.Session) { counter.Set(s, 2) },
			"Authenticate": func(s *session.Session) { s.Authenticate("ann") },
			"Destroy":      func(s *session.Session) { s.Destroy() },
			"Flash":        func(s *session.Session) { s.Flash("", "late") },
		} {
			res := v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.WriteHeader(http.StatusAccepted)
				pass(session.DefaultIdleTimeout / 10) // a touch is due
				if err := s.Commit(r.Context()); err != nil {
					e.tb.Errorf("%s: with nothing to save: %v", what, err)
				}
				change(s)
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
					e.tb.Errorf("%s: %v, want ErrHeaderSent", what, err)
				}
			})
			wantStatus(e.tb, res, http.StatusAccepted)
		}
		// A login is given up when Commit has refused it; the others are tried to the end.
		if lines := strings.Count(e.logs.String(), "not saved"); lines != 3 {
			e.tb.Errorf("%d of 3 late changes are in the log", lines)
		}
		if n, _ := read(v, counter); n != 1 {
			e.tb.Errorf("counter %d, want 1", n)
		}
	})
}

func TestDestroyTakesTheCookieBackAndWhatFollowsIsANewSession(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(authenticate)
		copied := v.fork()
		var before, after string
		res := v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			before = s.ID()
			s.Destroy()
			after = s.ID()
			s.Flash("", "Goodbye!")
		})
		if before == after || len(res.Cookies()) != 1 || v.cookie == nil {
			e.tb.Fatalf("ids %q and %q, Set-Cookie %q", before, after, res.Header["Set-Cookie"])
		}
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			if f, err := s.Flashes(r.Context()); err != nil || len(f) != 1 || s.Subject() != "" || s.ID() != after {
				e.tb.Errorf("flashes %v, %v, subject %q", f, err, s.Subject())
			}
		})
		// That a copy goes on working is what the docs say.
		if copied.isNew() {
			e.tb.Error("the cookie was revoked: tell the docs")
		}
	})
}

func TestAuthenticateMakesANewCookieAndLeavesNothingToAnotherSubject(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		first, secret := v.cookie.Value, secretOf(v, "form")
		pass(time.Minute)
		v.do(authenticate)
		if v.cookie.Value == first || bytes.Equal(secretOf(v, "form"), secret) {
			e.tb.Error("the cookie or the secret has stayed")
		}
		pass(session.DefaultIdleTimeout - 1)
		v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if counter.Get(s) != 1 || s.Subject() != "ann" || !s.Started().Equal(s.Authenticated()) {
				e.tb.Errorf("counter %d, subject %q, created %v, authenticated %v",
					counter.Get(s), s.Subject(), s.Started(), s.Authenticated())
			}
			s.Authenticate("eve")
		})
		v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if len(s.Names()) != 0 || s.Subject() != "eve" {
				e.tb.Errorf("keys %v, subject %q", s.Names(), s.Subject())
			}
		})
	})
}

func TestEventsOfASessionInItsCookie(t *testing.T) {
	t.Parallel()
	var kinds []session.EventKind
	e := newCookieOnlyEnv(t, func(o *session.Options) {
		o.OnEvent = func(_ context.Context, ev session.Event) { kinds = append(kinds, ev.Kind) }
	})
	v := e.visitor()
	for _, work := range []handler{look, count, count, authenticate, look, destroy} {
		v.do(work)
	}
	want := []session.EventKind{session.EventCreated, session.EventAuthenticated, session.EventEnded}
	if !slices.Equal(kinds, want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
}

func TestGoroutinesOfOneRequestMayCommitASessionInItsCookie(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			var wg sync.WaitGroup
			for range 50 {
				wg.Go(func() {
					count(w, r, s)
					if err := s.Commit(r.Context()); err != nil {
						e.tb.Error(err)
					}
				})
			}
			wg.Wait()
		})
		if n, _ := read(v, counter); n != 51 {
			e.tb.Errorf("counter %d, want 51", n)
		}
	})
}

// What the docs say of two requests at the same time.
func TestOfTwoAnswersWithTheSessionTheLastOneCounts(t *testing.T) {
	t.Parallel()
	eachMode(t, func(e *env) {
		v := e.seed(count)
		slow := v.fork()
		finish := slow.slow(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { name.Set(s, "slow") })
		v.do(count)
		wantStatus(e.tb, finish(), http.StatusOK)
		if n, _ := read(slow, counter); n != 1 {
			e.tb.Errorf("counter %d: the docs say that the other change is lost", n)
		}
	})
}
