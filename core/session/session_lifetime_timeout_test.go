package session_test

import (
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

// Its visitor begins anew, though the record that was written before lives longer.
func TestAShorterAbsoluteTimeoutHoldsAtOnce(t *testing.T) {
	t.Parallel()
	for who, begin := range map[string]handler{"anonymous": count, "signed in": signIn("ann", count)} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, func(o *session.Options) { o.IdleTimeout = session.NoTimeout })
			v := e.seed(begin)
			pass(2 * time.Hour)
			v.m = e.manager(e.store, func(o *session.Options) { o.IdleTimeout, o.AbsoluteTimeout = time.Hour, time.Hour })
			if alive(v) {
				t.Errorf("%s: alive after AbsoluteTimeout", who)
			}
			wantStatus(t, v.do(count), http.StatusOK)
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("%s: the next session has counted %d, want 1", who, n)
			}
		})
	}
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

// The record may live longer than the ticket, for another one. A slow request that comes to
// its end when the ticket's own time is over saves nothing, as if the record had expired.
func TestASlowRequestDoesNotOutliveItsTicketsOwnTimeout(t *testing.T) {
	t.Parallel()
	for name, work := range map[string]handler{"reads": look, "writes": count, "renews": renew, "writes, with a retired one": count} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).seed(signIn("ann", setIdle(time.Minute)))
				v.do(nothing)
				other := v.fork()
				other.do(signIn("ann", nothing))
				if newer := v.fork(); strings.Contains(name, "retired") {
					newer.do(renew)
					newer.do(nothing)
				}
				finish := v.slow(work)
				pass(time.Minute)
				wantNoCookie(t, finish())
				if alive(other) {
					t.Error("what it has set is saved")
				}
				v.fork().is("", "")
				other.is("ann", "")
			})
		})
	}
}

// Nor is a session written each time that it is read by such a ticket, and it lives on.
func TestReadingByATicketWithATimeoutOfItsOwnIsSeldomAWrite(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann", setIdle(10*time.Minute)))
		v.do(nothing)
		v.fork().do(signIn("ann"))
		e.store.reset()
		for range 60 {
			pass(10 * time.Second)
			v.do(nothing)
		}
		if calls := e.store.taken(); calls[opLoad] != 60 || calls[opUpdate] != 10 || len(calls) != 2 {
			t.Errorf("store calls %v, want 60 loads and 10 updates", calls)
		}
		v.do(actAs(t, "bob", nil))
		v.do(nothing)
		e.store.reset()
		v.do(count)
		if calls := e.store.taken(); calls[opLoad] != 2 || calls[opUpdate] != 1 || len(calls) != 2 {
			t.Errorf("store calls %v while acting as somebody else, want 2 loads and an update", calls)
		}
	})
}
