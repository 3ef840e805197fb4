package session_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

func clearValues(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear() }

func setIdle(d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetIdleTimeout(d) }
}

func setPersistent(persistent bool) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetPersistent(persistent) }
}

// endsIn returns a handler that sets the deadline.
func endsIn(d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(time.Now().Add(d)) }
}

// wantEnd checks that the visitor's session lives for exactly as long, if nobody
// uses it.
func wantEnd(t *testing.T, v *visitor, in time.Duration) {
	t.Helper()
	pass(in - 1)
	if v.fork().gone() {
		t.Errorf("dead 1 ns before %v", in)
	}
	pass(1)
	if !v.fork().gone() {
		t.Errorf("alive after %v", in)
	}
}

// gone reports whether there is no session any more, and doesn't use it: the
// request's header has left before it looks.
func (v *visitor) gone() (gone bool) {
	v.e.tb.Helper()
	v.serve(v.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusOK)
		s, err := v.m.Get(r)
		if err != nil {
			v.e.tb.Error(err)
			return
		}
		gone = s.New()
	})))
	return gone
}

func TestASessionHasAnIdleTimeoutOfItsOwn(t *testing.T) {
	t.Parallel()
	noIdle := func(o *session.Options) { o.IdleTimeout = session.NoTimeout }
	noAbsolute := func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout }
	for _, c := range []struct {
		name      string
		configure func(*session.Options)
		work      []handler
		want      time.Duration
	}{
		{"shorter", nil, []handler{setIdle(time.Minute)}, time.Minute},
		{"longer", nil, []handler{setIdle(5 * time.Hour)}, 5 * time.Hour},
		{"longer than AbsoluteTimeout", nil, []handler{setIdle(100 * time.Hour)}, session.DefaultAbsoluteTimeout},
		{"none", nil, []handler{setIdle(session.NoTimeout)}, session.DefaultAbsoluteTimeout},
		{"a nanosecond less than none", nil, []handler{setIdle(session.NoTimeout - 1)}, session.DefaultAbsoluteTimeout},
		{"one where there is none", noIdle, []handler{setIdle(time.Minute)}, time.Minute},
		{"back to none", noIdle, []handler{setIdle(time.Minute), setIdle(0)}, session.DefaultAbsoluteTimeout},
		{"without AbsoluteTimeout", noAbsolute, []handler{setIdle(300 * time.Hour)}, 300 * time.Hour},
		{"back to the Manager's", nil, []handler{setIdle(5 * time.Hour), setIdle(0)}, session.DefaultIdleTimeout},
		{"set twice", nil, []handler{setIdle(time.Minute), setIdle(2 * time.Minute)}, 2 * time.Minute},
		{"after it, Renew", nil, []handler{setIdle(5 * time.Hour), renew}, 5 * time.Hour},
		{"after it, Authenticate", nil, []handler{setIdle(5 * time.Hour), authenticate}, 5 * time.Hour},
		{"before it, Authenticate", nil, []handler{authenticate, setIdle(5 * time.Hour)}, 5 * time.Hour},
		{"after it, the same subject again", nil, []handler{authenticate, setIdle(5 * time.Hour), authenticate}, 5 * time.Hour},
		{"after it, another subject", nil, []handler{
			authenticate, setIdle(5 * time.Hour),
			func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") },
		}, session.DefaultIdleTimeout},
		{"after it, Clear and a value", nil, []handler{setIdle(5 * time.Hour), both(clearValues, count)}, 5 * time.Hour},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if c.configure != nil {
					e.m = e.manager(e.store, c.configure)
				}
				v := e.seed(count)
				for _, work := range c.work {
					wantStatus(t, v.do(work), http.StatusOK)
				}
				v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
					if got := time.Until(s.Expires()); got != c.want {
						t.Errorf("it expires in %v, want %v", got, c.want)
					}
				})
				wantEnd(t, v, c.want)
			})
		})
	}
}

func TestReadingExtendsASessionByItsOwnIdleTimeoutWhenATenthHasPassed(t *testing.T) {
	t.Parallel()
	for _, plain := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			if plain { // without Touch
				e.m = e.manager(plainStore{e.store})
			}
			v := e.seed(setupIdle(10 * time.Minute))
			pass(time.Minute - 1)
			v.do(look)
			if calls := e.store.taken(); calls[opTouch]+calls[opUpdate] != 0 {
				t.Errorf("before a tenth: store calls %v", calls)
			}
			pass(1)
			v.do(look)
			if calls := e.store.taken(); calls[opTouch]+calls[opUpdate] != 1 {
				t.Errorf("after a tenth: store calls %v, want one that extends", calls)
			}
			wantEnd(t, v, 10*time.Minute)
		})
	}
}

// setupIdle makes a session with an idle timeout of its own.
func setupIdle(d time.Duration) handler {
	return func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		s.SetIdleTimeout(d)
	}
}

func TestAbsoluteTimeoutBoundsASessionWithAnIdleTimeoutOfItsOwn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(setupIdle(5 * time.Hour))
		for range 23 {
			pass(time.Hour)
			v.do(look)
		}
		wantEnd(t, v, time.Hour)
	})
}

func TestADeadlineEndsASessionHoweverBusy(t *testing.T) {
	t.Parallel()
	zero := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(time.Time{}) }
	eve := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }
	const day = session.DefaultAbsoluteTimeout
	for _, c := range []struct {
		name string
		work []handler
		want time.Duration
	}{
		{"earlier than the timeouts", []handler{endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"later than the timeouts", []handler{endsIn(100 * time.Hour)}, day},
		{"set later", []handler{endsIn(time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"set earlier", []handler{endsIn(9 * time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"taken back", []handler{endsIn(time.Hour), zero}, day},
		{"with an idle timeout over it", []handler{setIdle(5 * time.Hour), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"with no idle timeout", []handler{setIdle(session.NoTimeout), endsIn(3 * time.Hour)}, 3 * time.Hour},
		{"then Renew", []handler{endsIn(3 * time.Hour), renew}, 3 * time.Hour},
		{"then Authenticate", []handler{endsIn(3 * time.Hour), authenticate}, 3 * time.Hour},
		{"then the same subject", []handler{authenticate, endsIn(3 * time.Hour), authenticate}, 3 * time.Hour},
		{"then another subject", []handler{authenticate, endsIn(3 * time.Hour), eve}, day},
		{"then Destroy", []handler{endsIn(3 * time.Hour), both(destroy, count)}, day},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t).seed(count)
				for _, work := range c.work {
					wantStatus(t, v.do(work), http.StatusOK)
				}
				busyUntil(v, c.want-time.Minute)
				wantEnd(t, v, time.Minute)
			})
		})
	}
}

// busyUntil reads the session every half an hour for so long.
func busyUntil(v *visitor, d time.Duration) {
	for ; d > 0; d -= 30 * time.Minute {
		pass(min(d, 30*time.Minute))
		v.do(look)
	}
}

func TestADeadlineIsExactAndSurvivesATouch(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		v.do(endsIn(90*time.Minute + 1))
		pass(45 * time.Minute)
		v.do(look) // a touch may go to the deadline and no further
		r, err := e.record(v)
		if err != nil || time.Until(r.Expires) != 45*time.Minute+1 {
			t.Errorf("the record expires in %v, %v", time.Until(r.Expires), err)
		}
		wantEnd(t, v, 45*time.Minute+1)
	})
}

func TestASessionWhoseDeadlinePassesDuringTheRequestIsNotSaved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(count)
		res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			endsIn(time.Minute)(w, r, s)
			pass(time.Minute)
			s.Renew()
		})
		wantStatus(t, res, http.StatusOK)
		wantNoCookie(t, res)
	})
}

func TestLifetimesThatCanNotBeAreInvalidAndSaveNothing(t *testing.T) {
	t.Parallel()
	noAbsolute := func(o *session.Options) { o.AbsoluteTimeout = session.NoTimeout }
	for _, c := range []struct {
		name      string
		configure func(*session.Options)
		set       func(*session.Session)
	}{
		{"negative idle timeout", nil, func(s *session.Session) { s.SetIdleTimeout(-1) }},
		{"no timeout at all", noAbsolute, func(s *session.Session) { s.SetIdleTimeout(session.NoTimeout) }},
		{"deadline now", nil, func(s *session.Session) { s.SetDeadline(time.Now()) }},
		{"deadline a nanosecond ago", nil, func(s *session.Session) { s.SetDeadline(time.Now().Add(-1)) }},
		{"deadline in 1970", nil, func(s *session.Session) { s.SetDeadline(time.Unix(0, 0)) }},
		{"deadline in 2263", nil, func(s *session.Session) { s.SetDeadline(time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)) }},
		{"deadline in the year 1", nil, func(s *session.Session) { s.SetDeadline(time.Time{}.Add(1)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if c.configure != nil {
					e.m = e.manager(e.store, c.configure)
				}
				v := e.seed(count)
				res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					c.set(s)
					if err := s.Commit(r.Context()); !errors.Is(err, session.ErrInvalid) {
						t.Errorf("%v, want ErrInvalid", err)
					}
				})
				wantStatus(t, res, http.StatusInternalServerError)
				if n, _ := read(v, counter); n != 1 {
					t.Errorf("counter %d: something was saved", n)
				}
			})
		})
	}
}

func TestADeadlineInANanosecondOrInAnotherZoneIsGood(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		for _, at := range []time.Time{
			time.Now().Add(1), time.Now().Add(time.Hour).In(time.FixedZone("", 14*3600)),
			time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC),
		} {
			v := e.seed(count)
			wantStatus(t, v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(at) }), http.StatusOK)
		}
	})
}

func TestLastSeenIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(count)
		check := func(what string, s *session.Session) {
			t.Helper()
			if seen := s.LastSeen(); seen.After(time.Now()) || seen.Before(s.Created()) {
				t.Errorf("%s: created %v, last seen %v, now %v", what, s.Created(), seen, time.Now())
			}
		}
		pass(time.Minute)
		v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			for what, d := range map[string]time.Duration{
				"shorter": 10 * time.Minute, "longer": 10 * time.Hour, "none": session.NoTimeout, "default": 0,
			} {
				s.SetIdleTimeout(d)
				check(what+", not saved yet", s)
				if err := s.Commit(r.Context()); err != nil {
					t.Error(err)
				}
				check(what, s)
			}
		})
	})
}

func TestPersistenceIsDecidedForASession(t *testing.T) {
	t.Parallel()
	const hour = 3600
	eve := func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("eve") }
	for _, c := range []struct {
		name       string
		persistent bool // by default
		work       []handler
		maxAge     int // in the last answer that sets a cookie
	}{
		{"yes", false, []handler{setPersistent(true)}, hour},
		{"no", true, []handler{setPersistent(false)}, 0},
		{"yes, as by default", true, []handler{setPersistent(true)}, hour},
		{"no, as by default", false, []handler{setPersistent(false)}, 0},
		{"yes and no", false, []handler{setPersistent(true), setPersistent(false)}, 0},
		{"no and yes", true, []handler{setPersistent(false), setPersistent(true)}, hour},
		{"yes, then a write", false, []handler{setPersistent(true), count}, hour},
		{"no, then a write", true, []handler{setPersistent(false), count}, 0},
		{"yes, then Renew", false, []handler{setPersistent(true), renew}, hour},
		{"no, then Renew", true, []handler{setPersistent(false), renew}, 0},
		{"yes, then Authenticate", false, []handler{setPersistent(true), authenticate}, hour},
		{"no, then Authenticate", true, []handler{setPersistent(false), authenticate}, 0},
		{"yes, then another subject", false, []handler{authenticate, setPersistent(true), eve}, 0},
		{"no, then another subject", true, []handler{authenticate, setPersistent(false), eve}, hour},
		{"yes, for two hours", false, []handler{setPersistent(true), setIdle(2 * time.Hour)}, 2 * hour},
		{"yes, until AbsoluteTimeout", false, []handler{setPersistent(true), setIdle(session.NoTimeout)}, 24 * hour},
		{"yes, with a deadline", false, []handler{setPersistent(true), endsIn(time.Minute)}, 60},
		{"yes, a part of a second", false, []handler{setPersistent(true), endsIn(time.Second + 1)}, 2},
		{"yes, a nanosecond", false, []handler{setPersistent(true), endsIn(1)}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = c.persistent })
				v := e.seed(count)
				var last *http.Cookie
				for i, work := range c.work {
					res := v.do(work)
					wantStatus(t, res, http.StatusOK)
					switch cookies := res.Cookies(); {
					case len(cookies) == 1:
						last = cookies[0]
					case i == 0:
						t.Errorf("%d cookies were set", len(cookies))
					}
				}
				if last == nil || last.MaxAge != c.maxAge {
					t.Errorf("the last cookie is %v, want Max-Age %d", last, c.maxAge)
				}
			})
		})
	}
}

func TestARememberedSessionsCookieIsSentAgainWhenItIsExtended(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		work    handler
		cookies int
	}{{"yes", setPersistent(true), 1}, {"no", setPersistent(false), 0}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				v := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = c.cookies == 0 }).seed(count)
				v.do(c.work)
				ticket := v.cookie.Value
				for _, work := range []handler{look, count} { // by a touch, by a write
					pass(session.DefaultIdleTimeout / 2)
					cookies := v.do(work).Cookies()
					if len(cookies) != c.cookies || c.cookies == 1 && (cookies[0].MaxAge != 3600 || cookies[0].Value != ticket) {
						t.Errorf("Set-Cookie %v", cookies)
					}
				}
			})
		})
	}
}

func TestSetPersistentAfterTheHeaderIsAnErrorAndChangesNothing(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		s.SetPersistent(true)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("%v, want ErrHeaderSent", err)
		}
	})
	if calls := e.store.taken(); calls[opUpdate] != 0 {
		t.Errorf("store calls %v: something was stored", calls)
	}
	wantNoCookie(t, v.do(count))
}

func TestTheCookieOfSetPersistentArrivesThoughAnAnswerIsLostOrAnotherRequestWrites(t *testing.T) {
	t.Parallel()
	for _, persistent := range []bool{true, false} {
		for what, disturb := range map[string]func(e *env, v *visitor, r *http.Request, s *session.Session){
			"a lost answer": func(e *env, _ *visitor, r *http.Request, s *session.Session) {
				e.store.lose(errDown, opUpdate)
				if err := s.Commit(r.Context()); !errors.Is(err, errDown) {
					e.tb.Errorf("%v, want an outage", err)
				}
				e.store.reset()
			},
			"another request": func(_ *env, v *visitor, _ *http.Request, _ *session.Session) { v.fork().do(count) },
		} {
			e := newEnv(t, func(o *session.Options) { o.Cookie.Persistent = !persistent })
			v := e.seed(count)
			res := v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				s.SetPersistent(persistent)
				disturb(e, v, r, s)
			})
			wantStatus(t, res, http.StatusOK)
			if c := res.Cookies(); len(c) != 1 || (c[0].MaxAge > 0) != persistent {
				t.Errorf("%s: SetPersistent(%v): Set-Cookie %q", what, persistent, res.Header["Set-Cookie"])
			}
		}
	}
}

func TestLifetimesMergeWithAnotherRequestsChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		first := v.fork().slow(setIdle(5 * time.Hour))
		deadline := time.Now().Add(2 * time.Hour)
		second := v.fork().slow(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetDeadline(deadline) })
		third := v.fork().slow(count)
		var answers []int
		for _, finish := range []func() *http.Response{first, second, third} {
			answers = append(answers, finish().StatusCode)
		}
		if !slices.Equal(answers, []int{200, 200, 200}) {
			t.Errorf("answers %v", answers)
		}
		if n, _ := read(v, counter); n != 2 {
			t.Errorf("counter %d, want 2", n)
		}
		wantEnd(t, v, time.Until(deadline)) // conflicts have cost some time
	})
}

func TestALifetimeAloneIsNotWorthARecord(t *testing.T) {
	t.Parallel()
	for what, work := range map[string]handler{
		"SetPersistent": setPersistent(true), "SetIdleTimeout": setIdle(time.Minute), "SetDeadline": endsIn(time.Minute),
	} {
		e := newEnv(t)
		v := e.visitor()
		res := v.do(work)
		wantStatus(t, res, http.StatusOK)
		wantNoCookie(t, res)
		if calls := e.store.taken(); len(calls) != 0 {
			t.Errorf("%s: store calls %v, want none", what, calls)
		}
		if v.do(both(work, count)); v.cookie == nil {
			t.Errorf("%s: with a value there is no cookie", what)
		}
	}
}
