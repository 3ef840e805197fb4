package session_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// A grant is what a provider has granted: until then, and a token for the next.
type grant struct {
	Until   time.Time
	Refresh string
}

var grants = session.NewKey[grant]("grant")

func (g grant) good() bool { return time.Now().Before(g.Until) }

// A provider redeems each refresh token once, which takes a second, and takes the
// second time for a theft.
type provider struct {
	takes    time.Duration
	redeemed atomic.Int32
	stolen   atomic.Bool

	mu   sync.Mutex
	next string // the refresh token that is good
}

func (p *provider) redeem(ctx context.Context, old grant) (grant, error) {
	if err := sleepFor(ctx, p.takes); err != nil {
		return grant{}, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.redeemed.Add(1)
	if old.Refresh != p.next {
		p.stolen.Store(true)
	}
	p.next += "+"
	return grant{time.Now().Add(time.Minute), p.next}, nil
}

func sleepFor(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// once is a handler that needs a good grant, and wants it to be this one.
func once(t *testing.T, p *provider, want string) handler {
	t.Helper()
	return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		g, err := grants.Once(r.Context(), s, grant.good, p.redeem)
		if err != nil || g.Refresh != want || !g.good() {
			t.Errorf("got %+v, error %v, want %q", g, err, want)
		}
	}
}

// outdated gives a visitor a grant that is good no more.
func outdated(e *env) *visitor {
	return e.seed(signIn("ann", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { grants.Set(s, grant{}) }))
}

func TestOfParallelRequestsOneMakesTheValue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, renewing)
		v := outdated(e)
		other := e.manager(e.store, renewing)
		p := &provider{takes: time.Second}
		for _, want := range []string{"+", "++"} {
			var requests sync.WaitGroup
			for i := range 50 {
				requests.Go(func() {
					v := v.fork()
					if i%2 == 0 {
						v.m = other
					}
					v.do(both(count, once(t, p, want)))
				})
			}
			requests.Wait()
			pass(time.Minute)
		}
		if n := p.redeemed.Load(); n != 2 || p.stolen.Load() {
			t.Errorf("redeemed %d times, taken for a theft: %v; want 2 times", n, p.stolen.Load())
		}
		if n, _ := read(v, counter); n != 100 {
			t.Errorf("counted %d, want 100", n)
		}
		if r, err := e.record(v); err != nil || session.Leases(r) != 0 {
			t.Errorf("%d leases are left, error %v", session.Leases(r), err)
		}
	})
}

// A process that has died holds nobody up for longer than OnceTimeout; the result of
// one that was only slow comes too late.
func TestACrashHoldsNobodyUpForLongerThanOnceTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := outdated(e)
		v.do(nothing)
		ended := make(chan struct{})
		go func() {
			v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				g, err := grants.Once(r.Context(), s, grant.good, func(ctx context.Context, _ grant) (grant, error) {
					start := time.Now()
					<-ctx.Done()
					if took := time.Since(start); took > session.DefaultOnceTimeout {
						t.Errorf("f's context was done after %v", took)
					}
					<-time.After(20 * time.Second)
					return grant{time.Now().Add(time.Hour), "late"}, nil
				})
				if g.Refresh != "+" || err != nil { // what is there by then
					t.Errorf("the slow one got %+v, error %v", g, err)
				}
			})
			close(ended)
		}()
		pass(time.Second)
		p := &provider{takes: time.Second}
		var requests sync.WaitGroup
		start := time.Now()
		for range 50 {
			requests.Go(func() { v.fork().do(once(t, p, "+")) })
		}
		requests.Wait()
		if took, most := time.Since(start), session.DefaultOnceTimeout+2*p.takes; took > most {
			t.Errorf("they were held up for %v, at most %v", took, most)
		}
		<-ended
		if n := p.redeemed.Load(); n != 1 {
			t.Errorf("redeemed %d times, want once", n)
		}
		if g, _ := read(v, grants); g.Refresh != "+" {
			t.Errorf("stored is %+v", g)
		}
	})
}

func TestAGoodValueCostsNoCallOfTheStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	p := &provider{}
	v := e.seed(once(t, p, "+"))
	v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		e.store.taken()
		once(t, p, "+")(w, r, s)
		if calls := e.store.taken(); len(calls) > 0 {
			t.Errorf("store calls %v, want none", calls)
		}
	})
}

var errProvider = errors.New("the provider says no")

// The next one who waits tries.
func TestAFunctionThatFailsOrPanicsLetsTheNextOneTry(t *testing.T) {
	t.Parallel()
	fails := func(context.Context, grant) (grant, error) { return grant{}, errProvider }
	panics := func(context.Context, grant) (grant, error) { panic(errProvider) }
	for name, f := range map[string]func(context.Context, grant) (grant, error){"fails": fails, "panics": panics} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := outdated(e)
				v.do(nothing)
				finish := v.fork().slow(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					defer func() {
						if p := recover(); p != nil {
							w.WriteHeader(http.StatusBadGateway)
						}
					}()
					_, err := grants.Once(r.Context(), s, grant.good, func(ctx context.Context, old grant) (grant, error) {
						<-time.After(time.Second)
						return f(ctx, old)
					})
					if !errors.Is(err, errProvider) {
						t.Errorf("error %v, want f's", err)
					}
				})
				go finish()
				pass(time.Millisecond)
				p, start := &provider{takes: time.Second}, time.Now()
				v.fork().do(once(t, p, "+"))
				if took := time.Since(start); took > 3*time.Second {
					t.Errorf("the next one came to its turn after %v", took)
				}
			})
		})
	}
}

// A visitor who goes away cancels nothing: others wait for the result.
func TestAVisitorWhoGoesAwayCancelsNoTurn(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := outdated(e)
		v.do(nothing)
		ctx, cancel := context.WithCancel(t.Context())
		p := &provider{takes: time.Second}
		go func() {
			v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { //nolint:contextcheck // another request
				if g, err := grants.Once(ctx, s, grant.good, p.redeem); g.Refresh != "+" || err != nil {
					t.Errorf("got %+v, error %v", g, err)
				}
			})
		}()
		pass(time.Millisecond)
		waiter, giveUp := context.WithTimeout(t.Context(), time.Second/2)
		defer giveUp()
		v.fork().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if _, err := grants.Once(waiter, s, grant.good, p.redeem); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("one who waits no more: error %v", err)
			}
		})
		cancel()
		v.fork().do(once(t, p, "+"))
		if n := p.redeemed.Load(); n != 1 {
			t.Errorf("redeemed %d times, want once", n)
		}
	})
}

// f has succeeded, and the session is gone: the result is the caller's to undo.
func TestAResultThatCanNotBeSavedIsReturnedWithTheError(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		happens func(e *env, v *visitor)
		want    error
	}{
		"the session has ended": {func(_ *env, v *visitor) { v.fork().do(destroy) }, session.ErrNotFound},
		"the store is down":     {func(e *env, _ *visitor) { e.store.fail(errDown, opUpdate) }, errDown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := outdated(e)
			v.do(nothing)
			v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				g, err := grants.Once(r.Context(), s, grant.good, func(context.Context, grant) (grant, error) {
					c.happens(e, v)
					return grant{farAway, "+"}, nil
				})
				if g.Refresh != "+" || !errors.Is(err, c.want) {
					t.Errorf("got %+v, error %v, want the result and %v", g, err, c.want)
				}
				e.store.reset()
			})
			if g, _ := read(v, grants); (g.Refresh == "+") != errors.Is(c.want, errDown) { // saved before the header leaves
				t.Errorf("stored is %+v", g)
			}
		})
	}
}

// Nobody knows whether the claim has been written: it is taken back.
func TestAClaimWhoseOutcomeIsUnknownIsTakenBack(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := outdated(e)
		v.do(nothing)
		p := &provider{takes: time.Second}
		v.fork().do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			e.store.lose(errDown, opUpdate)
			if _, err := grants.Once(r.Context(), s, grant.good, p.redeem); !errors.Is(err, errDown) {
				t.Errorf("error %v, want the store's", err)
			}
			e.store.reset()
		})
		if p.redeemed.Load() != 0 {
			t.Error("f was run")
		}
		start := time.Now()
		v.fork().do(once(t, p, "+"))
		if took := time.Since(start); took != p.takes {
			t.Errorf("the next one waited for %v", took-p.takes)
		}
	})
}

// With a ticket that was retired meanwhile a request gets the result for as long as it
// may read, and not longer.
func TestARetiredTicketWaitsWithinItsGrace(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		retiredFor time.Duration
		want       error
	}{{0, nil}, {renewGrace, session.ErrRetired}} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t, renewing, func(o *session.Options) { o.OnceTimeout = time.Hour })
			v := outdated(e)
			v.do(nothing)
			finish := v.fork().slow(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				_, err := grants.Once(r.Context(), s, grant.good, (&provider{}).redeem)
				if !errors.Is(err, c.want) {
					t.Errorf("retired for %v: error %v, want %v", c.retiredFor, err, c.want)
				}
			})
			v.do(renew)
			v.do(nothing) // retires the other's
			p := &provider{takes: c.retiredFor + time.Second}
			go v.fork().do(once(t, p, "+"))
			pass(time.Millisecond)
			finish()
			pass(time.Minute)
		})
	}
}

func TestASessionThatIsNotStoredYetWaitsForNobody(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.do(once(t, &provider{}, "+"))
	if g, _ := read(v, grants); g.Refresh != "+" {
		t.Errorf("stored is %+v", g)
	}
	if n := e.store.taken()[opCreate]; n != 1 {
		t.Errorf("%d creates, want 1", n)
	}
}

// Those who find the turn taken write nothing.
func TestWhoWaitsWritesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		mem := memstore.New(memstore.Options{})
		e := newEnv(t)
		e.store.inner = mem
		e.mem = mem
		v := outdated(e)
		v.do(nothing)
		e.store.taken()
		p := &provider{takes: time.Second}
		var requests sync.WaitGroup
		for range 50 {
			requests.Go(func() { v.fork().do(once(t, p, "+")) })
		}
		requests.Wait()
		// Each may have tried once, at the same moment as the one.
		if calls := e.store.taken(); calls[opUpdate] > 51 || calls[opLoad] > 50+50+50*10 {
			t.Errorf("store calls %v", calls)
		}
		if strings.Contains(e.logs.String(), "ERROR") {
			t.Error(e.logs.String())
		}
	})
}
