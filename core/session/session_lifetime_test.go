package session_test

import (
	"errors"
	"net/http"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func clearValues(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear() }

func setIdle(d time.Duration) handler {
	return func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.SetIdleTimeout(d) }
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
		gone = s.IsNew()
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
		{"after it, Authenticate", nil, []handler{setIdle(5 * time.Hour), authenticate}, session.DefaultIdleTimeout},
		{"after it in the same request, Authenticate", nil, []handler{both(setIdle(5*time.Hour), authenticate)}, 5 * time.Hour},
		{"before it in the same request, Authenticate", nil, []handler{both(authenticate, setIdle(5*time.Hour))}, 5 * time.Hour},
		{"before it, Authenticate", nil, []handler{authenticate, setIdle(5 * time.Hour)}, 5 * time.Hour},
		{"after it, the same subject", nil, []handler{authenticate, setIdle(5 * time.Hour), authenticate}, session.DefaultIdleTimeout},
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
		{"deadline in the year 1", nil, func(s *session.Session) { s.SetDeadline(time.Time{}.Add(1)) }},
		{"remembered for no time", nil, func(s *session.Session) { s.Remember(0) }},
		{"remembered for a negative time", nil, func(s *session.Session) { s.Remember(-1) }},
		{"remembered without an end", nil, func(s *session.Session) { s.Remember(session.NoTimeout) }},
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

func TestLastSeenIsNeverInTheFuture(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := newEnv(t).seed(count)
		check := func(what string, s *session.Session) {
			t.Helper()
			if seen := s.LastSeen(); seen.After(time.Now()) || seen.Before(s.Started()) {
				t.Errorf("%s: created %v, last seen %v, now %v", what, s.Started(), seen, time.Now())
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
		"Remember": remember(time.Hour),
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

// A slow reader knows nothing of what another request has decided since.
func TestALateTouchUndoesNoShorterIdleTimeout(t *testing.T) {
	t.Parallel()
	for name, plain := range map[string]bool{"with Touch": false, "without": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				if plain {
					e.m = e.manager(plainStore{e.store})
				}
				v := e.seed(count)
				finish := v.fork().slow(nothing)
				pass(30 * time.Minute)
				v.do(setIdle(time.Minute))
				wantStatus(t, finish(), http.StatusOK)
				wantEnd(t, v, time.Minute)
			})
		})
	}
}
