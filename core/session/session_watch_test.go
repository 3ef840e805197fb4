package session_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A reportingStore says when records end, until it is cut.
type reportingStore struct {
	indexedStore

	reports *reports
}

type reports struct {
	mu   sync.Mutex
	from interface {
		Watch(ctx context.Context, changed func(string)) error
	}
	err   error         // what Watch returns
	cut   chan struct{} // closed when err is set
	calls int           // of Watch
}

func (s reportingStore) Watch(ctx context.Context, changed func(string)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.reports.mu.Lock()
	cut := s.reports.cut
	s.reports.calls++
	s.reports.mu.Unlock()
	go func() {
		select {
		case <-cut:
			cancel()
		case <-ctx.Done():
		}
	}()
	err := s.reports.failure()
	if err == nil {
		err = s.reports.from.Watch(ctx, changed)
	}
	if failure := s.reports.failure(); failure != nil {
		return failure
	}
	return err
}

func (r *reports) failure() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.err
}

// fail has Watch return this error from now on; nil heals it.
func (r *reports) fail(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err = err; err == nil {
		r.cut = make(chan struct{})
	} else {
		close(r.cut)
	}
}

// newReportingEnv returns an env whose Manager asks once an hour.
func newReportingEnv(tb testing.TB) (*env, *reports) {
	tb.Helper()
	e := newEnv(tb)
	r := &reports{from: e.mem, cut: make(chan struct{})}
	e.m = e.manager(reportingStore{indexedStore{e.store, e.mem}, r}, func(o *session.Options) {
		o.IdleTimeout, o.WatchEvery = 24*time.Hour, time.Hour
	})
	return e, r
}

// At once means that no time passes in the bubble.
func TestAStreamLearnsAtOnceOfWhatTheStoreReports(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, v *visitor) error{
		"Destroy": func(_ *env, v *visitor) error {
			v.do(destroy)
			return nil
		},
		"EndSubject": func(e *env, _ *visitor) error {
			_, err := e.m.EndSubject(context.Background(), "ann")
			return err
		},
		"EndIf": func(e *env, _ *visitor) error {
			_, err := e.m.EndIf(context.Background(), "ann", func(session.Info) bool { return true })
			return err
		},
		"another process deletes it": func(e *env, _ *visitor) error {
			_, err := e.mem.DeleteAll(context.Background())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newReportingEnv(t)
				v, other := e.login("ann"), e.login("bob")
				v.do(nothing)
				other.do(nothing)
				ctx, cancel := context.WithCancel(t.Context())
				st, goesOn := v.open(ctx), other.open(ctx)
				pass(10 * time.Minute)
				st.wantGoingOn(t)
				if err := end(e, v); err != nil {
					t.Fatal(err)
				}
				synctest.Wait()
				st.wantEnd(t, session.ErrNotFound)
				if name != "another process deletes it" {
					goesOn.wantGoingOn(t)
				}
				cancel()
			})
		})
	}
}

// Only those tickets are looked at that lead to the record.
func TestAReportCostsALoadForEachTicketOfTheSession(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newReportingEnv(t)
		ctx, cancel := context.WithCancel(t.Context())
		var first *visitor
		for n := range 20 {
			v := e.login(fmt.Sprintf("visitor-%d", n))
			v.do(nothing)
			v.open(ctx)
			if first == nil {
				first = v
			}
		}
		e.store.taken()
		first.do(destroy)
		synctest.Wait()
		if calls := e.store.taken(); !maps.Equal(calls, map[op]int{opLoad: 2, opUpdate: 1}) {
			t.Errorf("store calls %v, want those of the logout and one load", calls)
		}
		cancel()
		synctest.Wait()
	})
}

func TestAStreamOfSomebodyWhoActsLearnsAtOnceOfTheEndOfEither(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"ann", "root"} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newReportingEnv(t)
			root, _ := acting(e)
			st := root.open(t.Context())
			if _, err := e.m.EndSubject(t.Context(), subject); err != nil {
				t.Error(err)
			}
			synctest.Wait()
			st.wantEnd(t, session.ErrNotFound)
		})
	}
}

// A look has found the session live when it ends: the look is not the last word.
func TestAReportDuringALookIsNotLost(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		st := v.open(t.Context())
		pass(time.Hour - time.Second)
		ended := false
		e.store.mu.Lock()
		e.store.after = func(o op, err error) error {
			if o == opLoad && !ended {
				ended = true
				if _, err := e.mem.DeleteAll(t.Context()); err != nil {
					t.Error(err)
				}
				pause := time.NewTimer(time.Second) // so that the report comes first
				<-pause.C
			}
			return err
		}
		e.store.mu.Unlock()
		pass(2 * time.Second)
		if !ended {
			t.Fatal("nobody has looked")
		}
		st.wantEnd(t, session.ErrNotFound)
	})
}

// What has ended while nobody listened is found when somebody does again.
func TestWhatWasNotReportedIsFoundWhenTheStoreListensAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, reports := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		st := v.open(t.Context())
		pass(time.Minute)
		reports.fail(errDown)
		pass(time.Minute)
		if _, err := e.m.EndSubject(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
		synctest.Wait()
		st.wantGoingOn(t)
		reports.fail(nil)
		pass(30 * time.Second)
		st.wantEnd(t, session.ErrNotFound)
	})
}

// An outage of the reports costs speed, a line in the log, and few attempts.
func TestAStreamNeedsNoReports(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, reports := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		reports.fail(errDown)
		st := v.open(t.Context())
		pass(30 * time.Minute)
		if _, err := e.m.EndSubject(t.Context(), "ann"); err != nil {
			t.Error(err)
		}
		pass(30 * time.Minute)
		st.wantEnd(t, session.ErrNotFound)
		if n := strings.Count(e.logs.String(), "does not report what ends"); n != 1 {
			t.Errorf("%d lines in the log, want one", n)
		}
		if reports.calls < 60 || reports.calls > 1000 {
			t.Errorf("it has tried %d times in an hour", reports.calls)
		}
	})
}

// Each first stream listens anew.
func TestAnOutageOfTheReportsIsLoggedOnceThoughStreamsComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, reports := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		visit := func() {
			ctx, cancel := context.WithCancel(t.Context())
			v.open(ctx)
			pass(time.Second)
			cancel()
			synctest.Wait()
		}
		for outage := 1; outage <= 2; outage++ {
			visit()
			reports.fail(errDown)
			for range 5 {
				visit()
			}
			reports.fail(nil)
			if n := strings.Count(e.logs.String(), "does not report what ends"); n != outage {
				t.Errorf("%d lines in the log after %d outages", n, outage)
			}
		}
	})
}

// A report that meets an outage of the store is followed up soon, whatever WatchEvery is.
func TestAReportDuringAnOutageIsFollowedUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, _ := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		st := v.open(t.Context())
		pass(time.Minute)
		e.store.fail(errDown, opLoad)
		if _, err := e.mem.DeleteAll(t.Context()); err != nil {
			t.Error(err)
		}
		pass(time.Minute)
		st.wantGoingOn(t)
		e.store.reset()
		pass(session.DefaultWatchEvery)
		st.wantEnd(t, session.ErrNotFound)
	})
}

func TestAStoreThatIsNotSetUpToReportIsAskedOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, reports := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		reports.fail(sessionstore.ErrUnsupported)
		ctx, cancel := context.WithCancel(t.Context())
		v.open(ctx)
		pass(10 * time.Hour)
		if reports.calls != 1 || strings.Contains(e.logs.String(), "does not report") {
			t.Errorf("asked %d times, want once, and no line in the log", reports.calls)
		}
		cancel()
	})
}
