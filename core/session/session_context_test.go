package session_test

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A stream is a request that waits until its session's context is done.
type stream struct {
	done chan struct{} // closed when it has returned
	why  error
}

// open starts a stream of the visitor's, which ends with ctx, and waits until it listens.
func (v *visitor) open(ctx context.Context) *stream {
	v.e.tb.Helper()
	st := &stream{done: make(chan struct{})}
	listens := make(chan struct{})
	go func() {
		defer close(st.done)
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()                           // as net/http does when a handler returns
		r := newRequest(v.e.tb).WithContext(ctx) //nolint:contextcheck // this one
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		serveRequest(v.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { //nolint:contextcheck // r has it
			over := s.WatchContext()
			if s.WatchContext() != over {
				v.e.tb.Error("two contexts of one session")
			}
			close(listens)
			<-over.Done()
			st.why = context.Cause(over)
		}), r)
	}()
	<-listens
	synctest.Wait()
	return st
}

// wantGoingOn fails the test if the stream has ended.
func (st *stream) wantGoingOn(tb testing.TB) {
	tb.Helper()
	select {
	case <-st.done:
		tb.Errorf("ended too early because of %v", st.why)
	default:
	}
}

// wantEnd wants the stream to have ended for this reason.
func (st *stream) wantEnd(t *testing.T, want error) {
	t.Helper()
	select {
	case <-st.done:
		if !errors.Is(st.why, want) {
			t.Errorf("ended because of %v, want %v", st.why, want)
		}
	default:
		t.Errorf("not ended, want %v", want)
	}
}

func TestAStreamLearnsOfTheEndWithinWatchEvery(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, e *env, v *visitor){
		"Destroy": func(t *testing.T, _ *env, v *visitor) {
			t.Helper()
			v.do(destroy)
		},
		"EndSubject": func(t *testing.T, e *env, _ *visitor) {
			t.Helper()
			if _, err := e.m.EndSubject(t.Context(), "ann"); err != nil {
				t.Error(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newIndexedEnv(t)
				v := e.seed(signIn("ann"))
				v.do(nothing)
				ctx, cancel := context.WithCancel(t.Context())
				st := v.open(ctx)
				pass(10 * time.Minute)
				select {
				case <-st.done:
					t.Errorf("ended because of %v", st.why)
				default:
				}
				end(t, e, v)
				pass(session.DefaultWatchEvery)
				st.wantEnd(t, session.ErrNotFound)
				cancel()
			})
		})
	}
}

// A timeout is noticed to the moment, and asking extends nothing.
func TestAStreamLearnsOfATimeoutAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t, func(o *session.Options) { o.WatchEvery = 7 * time.Minute })
		v := e.seed(signIn("ann"))
		v.do(nothing)
		pass(time.Minute)
		st := v.open(t.Context())
		pass(session.DefaultIdleTimeout - time.Minute - 1)
		st.wantGoingOn(t)
		pass(time.Second)
		st.wantEnd(t, session.ErrNotFound)
	})
}

// The visitor's browser has a newer ticket: the stream ends with the old one's grace.
func TestAStreamEndsWithTheGraceOfItsTicket(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann"))
		v.do(nothing)
		st := v.open(t.Context())
		v.do(renew)
		v.do(nothing)
		pass(session.DefaultRenewGrace - time.Second)
		st.wantGoingOn(t)
		pass(session.DefaultWatchEvery)
		st.wantEnd(t, session.ErrRetired)
	})
}

// Middleware has asked for the context before the request has got the session that it
// listens to.
func TestAContextIsOfTheSessionThatTheRequestHasNow(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(s *session.Session, r *http.Request) error{
		"signs in": func(s *session.Session, r *http.Request) error {
			s.Authenticate("ann")
			return s.Commit(r.Context())
		},
		"acts as somebody": func(s *session.Session, r *http.Request) error {
			return s.Impersonate(r.Context(), "ann", actFor)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e, _ := newReportingEnv(t)
				v := e.visitor()
				if name == "acts as somebody" {
					v = e.login("root")
					v.do(nothing)
				}
				ended := false
				go v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
					early := s.WatchContext()
					if err := change(s, r); err != nil {
						t.Error(err)
					}
					over := s.WatchContext()
					select {
					case <-over.Done():
						ended = errors.Is(context.Cause(over), session.ErrNotFound) && early.Err() == nil
					case <-time.After(time.Hour):
					}
				})
				synctest.Wait()
				if n, err := e.m.EndSubject(t.Context(), "ann"); n != 1 || err != nil {
					t.Errorf("ended %d, error %v", n, err)
				}
				synctest.Wait()
				if !ended {
					t.Error("the stream goes on")
				}
				pass(2 * time.Hour)
			})
		})
	}
}

// One goroutine for any number of streams, and none when they are over: synctest fails
// if one is left. A ticket costs one Load in WatchEvery, however many streams it has.
func TestOneWatcherLooksAfterAllStreams(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann"))
		v.do(nothing)
		ctx, cancel := context.WithCancel(t.Context())
		var all []*stream
		for range 50 {
			all = append(all, v.open(ctx))
		}
		pass(session.DefaultWatchEvery)
		e.store.taken()
		pass(10 * session.DefaultWatchEvery)
		if calls := e.store.taken(); !maps.Equal(calls, map[op]int{opLoad: 10}) {
			t.Errorf("store calls %v, want 10 loads", calls)
		}
		cancel()
		synctest.Wait()
		for _, st := range all {
			<-st.done
		}
		pass(10 * time.Minute)
		if calls := e.store.taken(); len(calls) > 0 {
			t.Errorf("store calls %v when nobody watches any more", calls)
		}
		again := v.open(t.Context()) // it begins anew
		v.do(destroy)
		pass(session.DefaultWatchEvery)
		again.wantEnd(t, session.ErrNotFound)
	})
}

// An outage is no end.
func TestAStreamOutlivesAnOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann"))
		v.do(nothing)
		st := v.open(t.Context())
		e.store.fail(errDown, opLoad)
		pass(time.Minute)
		select {
		case <-st.done:
			t.Errorf("ended because of %v", st.why)
		default:
		}
		if !strings.Contains(e.logs.String(), "not known whether") {
			t.Error("nothing was logged")
		}
		e.store.reset()
		v.do(destroy)
		pass(session.DefaultWatchEvery)
		st.wantEnd(t, session.ErrNotFound)
	})
}

// An impersonation and the administrator's own session are watched together.
func TestAStreamOfSomebodyWhoActsEndsWithEither(t *testing.T) {
	t.Parallel()
	for _, subject := range []string{"ann", "root"} {
		synctest.Test(t, func(t *testing.T) {
			e, _ := newIndexedEnv(t)
			root, _ := acting(e)
			st := root.open(t.Context())
			if _, err := e.m.EndSubject(t.Context(), subject); err != nil {
				t.Error(err)
			}
			pass(session.DefaultWatchEvery)
			st.wantEnd(t, session.ErrNotFound)
		})
	}
}

func TestTheContextOfOtherSessions(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(signIn("ann"))
		old := v.fork()
		v.do(destroy)
		old.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if ctx := s.WatchContext(); !errors.Is(context.Cause(ctx), session.ErrNotFound) {
				t.Errorf("of a quiet ticket: %v, want that it is done", context.Cause(ctx))
			}
		})
		e.visitor().do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			ctx := s.WatchContext()
			pass(25 * time.Hour)
			if err := ctx.Err(); err != nil {
				t.Errorf("of a visitor without a session: %v", err)
			}
		})
		m, err := session.NewCookieOnly(session.Options{Keys: [][]byte{testKey}})
		if err != nil {
			t.Fatal(err)
		}
		sealed := e.visitor()
		sealed.m = m
		sealed.do(count)
		sealed.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			ctx := s.WatchContext()
			pass(session.DefaultIdleTimeout)
			if !errors.Is(context.Cause(ctx), session.ErrNotFound) {
				t.Errorf("of a cookie that has expired: %v", context.Cause(ctx))
			}
		})
	})
}
