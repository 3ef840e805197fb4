package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestIdleTimeoutIsExact(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		after time.Duration
		alive bool
	}{
		{"valid at T-1ns", session.DefaultIdleTimeout - 1, true},
		{"dead at T", session.DefaultIdleTimeout, false},
		{"dead long after", 10 * session.DefaultIdleTimeout, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).seed(count)
				pass(c.after)
				if _, alive := read(v, counter); alive != c.alive {
					t.Errorf("alive: %v, want %v", alive, c.alive)
				}
			})
		})
	}
}

func TestAbsoluteTimeoutEndsABusySession(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		every time.Duration
		work  handler
	}{
		{"read every minute", time.Minute, nothing},
		{"written every minute", time.Minute, count},
		{"renewed every minute", time.Minute, renew},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t, func(o *session.Options) { o.AbsoluteTimeout = 5 * time.Hour }).seed(count)
				for range 5*60 - 1 {
					pass(c.every)
					wantStatus(t, v.do(c.work), http.StatusOK)
				}
				pass(c.every - 1)
				if _, alive := read(v, counter); !alive {
					t.Error("dead 1 ns before AbsoluteTimeout")
				}
				pass(1)
				if _, alive := read(v, counter); alive {
					t.Error("alive at AbsoluteTimeout")
				}
			})
		})
	}
}

func TestAuthenticateStartsAbsoluteTimeoutAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t, func(o *session.Options) { o.IdleTimeout = session.NoTimeout }).seed(count)
		pass(session.DefaultAbsoluteTimeout - 1)
		v.do(authenticate)
		pass(session.DefaultAbsoluteTimeout - 1)
		if _, alive := read(v, counter); !alive {
			t.Error("dead 1 ns before AbsoluteTimeout")
		}
		pass(1)
		if _, alive := read(v, counter); alive {
			t.Error("alive at AbsoluteTimeout")
		}
	})
}

func TestNoTimeoutLeavesTheOtherOne(t *testing.T) {
	t.Parallel()
	t.Run("no IdleTimeout", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, func(o *session.Options) { o.IdleTimeout = session.NoTimeout })
			v := e.seed(count)
			pass(session.DefaultAbsoluteTimeout - 1)
			if _, alive := read(v, counter); !alive {
				t.Error("dead 1 ns before AbsoluteTimeout")
			}
			if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
				t.Errorf("store calls %v, want one load", calls)
			}
			pass(1)
			if _, alive := read(v, counter); alive {
				t.Error("alive at AbsoluteTimeout")
			}
		})
	})
	t.Run("no AbsoluteTimeout", func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			v := newEnv(t, func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout }).seed(count)
			for range 30 * 24 {
				pass(session.DefaultIdleTimeout - session.DefaultIdleTimeout/10)
				v.do(nothing)
			}
			if _, alive := read(v, counter); !alive {
				t.Error("dead though it was used all the time")
			}
			pass(session.DefaultIdleTimeout)
			if _, alive := read(v, counter); alive {
				t.Error("alive after IdleTimeout")
			}
		})
	})
}

func TestTimeoutsAtTheEndOfTimeStillSave(t *testing.T) {
	t.Parallel()
	for _, configure := range map[string]func(*session.Options){
		"idle":     func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout-1, session.NoTimeout },
		"absolute": func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = session.NoTimeout, session.NoTimeout-1 },
	} {
		v := newEnv(t, configure).visitor()
		wantStatus(t, v.do(count), http.StatusOK)
	}
}

func TestReadingExtendsASessionAtMostOncePerTouchInterval(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.TouchInterval = 10 * time.Minute })
		v := e.seed(count)
		for range 60 {
			pass(time.Minute)
			v.do(nothing)
		}
		if calls := e.store.taken(); calls[opLoad] != 60 || calls[opTouch] != 6 || len(calls) != 2 {
			t.Errorf("store calls %v, want 60 loads and 6 touches", calls)
		}
		pass(session.DefaultIdleTimeout - 1)
		if _, alive := read(v, counter); !alive {
			t.Error("the last touch did not extend the session")
		}
	})
}

func TestAShorterIdleTimeoutHoldsFromTheNextLook(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.IdleTimeout = session.DefaultAbsoluteTimeout })
		v := e.seed(count)
		v.m = e.manager(e.store)
		v.do(look)
		pass(session.DefaultIdleTimeout - 1)
		if !alive(v) {
			t.Error("dead 1 ns before IdleTimeout")
		}
		pass(session.DefaultIdleTimeout)
		if alive(v) {
			t.Error("alive after IdleTimeout")
		}
	})
}

func TestARequestThatDoesNotLookDoesNotExtend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		for range 60 {
			pass(time.Minute)
			v.serve(e.m.Handler(http.NotFoundHandler()))
		}
		if calls := e.store.taken(); len(calls) != 0 {
			t.Errorf("store calls %v, want none", calls)
		}
		if _, alive := read(v, counter); alive {
			t.Error("alive after IdleTimeout")
		}
	})
}

func TestTheFactsFollowTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		start := time.Now()
		v := e.seed(count)
		pass(session.DefaultIdleTimeout / 2)
		v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if !s.Started().Equal(start) || !s.LastSeen().Equal(start) || !s.Authenticated().IsZero() {
				t.Errorf("created %v, last seen %v, authenticated %v", s.Started(), s.LastSeen(), s.Authenticated())
			}
			if want := start.Add(session.DefaultIdleTimeout); !s.Expires().Equal(want) {
				t.Errorf("expires %v, want %v", s.Expires(), want)
			}
			s.Authenticate("ann")
		})
		login := time.Now()
		pass(time.Minute)
		v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if !s.Started().Equal(login) || !s.LastSeen().Equal(login) || !s.Authenticated().Equal(login) {
				t.Errorf("created %v, last seen %v, authenticated %v", s.Started(), s.LastSeen(), s.Authenticated())
			}
			if s.Started().Location() != time.UTC || s.Expires().Location() != time.UTC {
				t.Error("times are not in UTC")
			}
		})
	})
}

// A pruningStore counts Prune, and fails it every other time.
type pruningStore struct {
	*faultyStore

	prunes []time.Time
}

func (s *pruningStore) Prune(context.Context) (int, error) {
	s.prunes = append(s.prunes, time.Now())
	if len(s.prunes)%2 == 0 {
		return 0, errDown
	}
	return 1, nil
}

func TestRunPrunerPrunesUntilItsContextIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		store := &pruningStore{faultyStore: e.store}
		m := e.manager(store)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := m.RunPruner(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RunPruner returned %v", err)
		}
		if n := len(store.prunes); n < 22 || n > 27 {
			t.Fatalf("pruned %d times in a day", n)
		}
		if first := store.prunes[0].Sub(start); first > 12*time.Minute {
			t.Errorf("the first time after %v", first)
		}
		different := false
		for i, at := range store.prunes[1:] {
			pause := at.Sub(store.prunes[i])
			if pause < 54*time.Minute || pause > 66*time.Minute {
				t.Errorf("a pause of %v", pause)
			}
			different = different || pause != time.Hour
		}
		if !different {
			t.Error("no jitter")
		}
		if !strings.Contains(e.logs.String(), errDown.Error()) {
			t.Error("a failure was not logged")
		}
	})
}

func TestRunPrunerRefusesWhatItCanNotDo(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if err := e.manager(plainStore{e.store}).RunPruner(t.Context(), time.Hour); !errors.Is(err, session.ErrUnsupported) {
		t.Errorf("no Pruner: %v", err)
	}
	for _, every := range []time.Duration{0, -1} {
		if err := e.manager(&pruningStore{faultyStore: e.store}).RunPruner(t.Context(), every); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("every %v: %v", every, err)
		}
	}
}
