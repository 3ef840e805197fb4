package session_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A keyedStore answers Load of some ids in its own way.
type keyedStore struct {
	indexedStore

	load *loads
}

// loads are what happens before ids are loaded.
type loads struct{ byID sync.Map }

func (l *loads) set(id string, f func(context.Context) error) { l.byID.Store(id, f) }

func (l *loads) of(id string) func(context.Context) error {
	f, _ := l.byID.Load(id)
	load, _ := f.(func(context.Context) error)
	return load
}

func (s keyedStore) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if f := s.load.of(id); f != nil {
		if err := f(ctx); err != nil {
			return sessionstore.Record{}, err
		}
	}
	return s.indexedStore.Load(ctx, id)
}

// newKeyedEnv returns an env whose store does first what loads say.
func newKeyedEnv(tb testing.TB, configure ...func(*session.Options)) (*env, *loads) {
	tb.Helper()
	e := newEnv(tb)
	load := new(loads)
	e.m = e.manager(keyedStore{indexedStore{e.store, e.mem}, load}, configure...)
	return e, load
}

// streams opens one stream for each of many visitors.
func (e *env) streams(ctx context.Context, n int) (visitors []*visitor, all []*stream) {
	for i := range n {
		v := e.login(fmt.Sprintf("visitor-%d", i)) //nolint:contextcheck // of another request
		v.do(nothing)                              //nolint:contextcheck // likewise
		visitors, all = append(visitors, v), append(all, v.open(ctx))
	}
	return visitors, all
}

// Some records are damaged, or on a server that is down or hangs. The others' streams learn
// of the end as ever.
func TestAStreamLearnsOfTheEndThoughOthersCanNotBeAskedAbout(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]struct {
		load   func(context.Context) error
		within time.Duration
	}{
		"damaged": {func(context.Context) error { return sessionstore.ErrCorrupt }, session.DefaultWatchEvery},
		"down":    {func(context.Context) error { return errDown }, session.DefaultWatchEvery},
		"hangs": {func(ctx context.Context) error {
			<-ctx.Done()
			return ctx.Err()
		}, 2 * (session.DefaultWatchEvery + session.DefaultStoreTimeout)},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, load := newKeyedEnv(t)
				ctx, cancel := context.WithCancel(t.Context())
				visitors, all := e.streams(ctx, 40)
				for _, v := range visitors[:20] {
					load.set(v.id(), f.load)
				}
				pass(5 * time.Minute) // time to find out which
				for _, v := range visitors[20:] {
					v.do(destroy)
				}
				pass(f.within)
				for _, st := range all[:20] {
					st.wantGoingOn(t)
				}
				for _, st := range all[20:] {
					st.wantEnd(t, session.ErrNotFound)
				}
				if n := strings.Count(e.logs.String(), "not known whether"); n > 65 {
					t.Errorf("%d lines in the log, want one a round", n)
				}
				cancel()
			})
		})
	}
}

// Streams that come and go, such as long polls, keep the goroutine busy.
func TestAStreamLearnsOfTheEndHoweverManyComeAndGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, load := newKeyedEnv(t)
		ctx, cancel := context.WithCancel(t.Context())
		ann := e.login("ann")
		ann.do(nothing)
		st := ann.open(ctx)
		slow := func(context.Context) error {
			pause := time.NewTimer(50 * time.Millisecond)
			<-pause.C
			return nil
		}
		load.set(ann.id(), slow)
		for range 60 {
			v := e.login("bob")
			v.do(nothing)
			load.set(v.id(), slow)
			go func() {
				for ctx.Err() == nil {
					v.poll(ctx, time.Second)
				}
			}()
		}
		pass(time.Second)
		ann.do(destroy)
		<-time.After(2 * session.DefaultWatchEvery)
		st.wantEnd(t, session.ErrNotFound)
		cancel()
		pass(time.Second)
	})
}

// poll makes a request that waits for a while, or until its session has ended.
func (v *visitor) poll(ctx context.Context, d time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	v.fork().within(ctx, v.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		select {
		case <-s.WatchContext().Done():
		case <-time.After(d):
		}
	}))
}

// A panic outside of a request would end the process.
func TestWhatPanicsWhileStreamsWaitEndsNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, load := newKeyedEnv(t, func(o *session.Options) {
			o.OnEvent = func(_ context.Context, ev session.Event) {
				if ev.Kind == session.EventStoreError {
					panic("OnEvent")
				}
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		visitors, all := e.streams(ctx, 2)
		load.set(visitors[0].id(), func(context.Context) error { panic("a driver's bug") })
		pass(time.Minute)
		for _, st := range all {
			st.wantGoingOn(t)
		}
		for _, text := range []string{"a driver's bug", "OnEvent"} {
			if !strings.Contains(e.logs.String(), text) {
				t.Errorf("%q is not in the log", text)
			}
		}
		load.set(visitors[0].id(), nil)
		for _, v := range visitors {
			v.do(destroy)
		}
		pass(session.DefaultWatchEvery)
		for _, st := range all {
			st.wantEnd(t, session.ErrNotFound)
		}
		cancel()
	})
}

func TestAStoreThatPanicsWhileItReportsIsListenedToAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e, reports := newReportingEnv(t)
		v := e.login("ann")
		v.do(nothing)
		var broken atomic.Bool
		broken.Store(true)
		reports.from = watcherFunc(func(ctx context.Context, changed func(string)) error {
			if broken.Load() {
				panic("a driver's bug")
			}
			return e.mem.Watch(ctx, changed)
		})
		st := v.open(t.Context())
		pass(time.Minute)
		broken.Store(false)
		pass(time.Minute)
		v.do(destroy)
		synctest.Wait()
		st.wantEnd(t, session.ErrNotFound)
	})
}

// A watcherFunc is a store that only reports.
type watcherFunc func(ctx context.Context, changed func(string)) error

func (f watcherFunc) Watch(ctx context.Context, changed func(string)) error { return f(ctx, changed) }
