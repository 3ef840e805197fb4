package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

const visits = 200

// buy counts the request and puts its item in the cart.
func buy(_ http.ResponseWriter, r *http.Request, s *session.Session) {
	counter.Update(s, increment)
	cart.Update(s, func(items []string) []string { return append(items, r.URL.Query().Get("item")) })
}

func wantAllBought(t *testing.T, v *visitor) {
	t.Helper()
	if n, _ := read(v, counter); n != visits {
		t.Errorf("counted %d of %d requests", n, visits)
	}
	items, _ := read(v, cart)
	distinct := make(map[string]bool)
	for _, item := range items {
		distinct[item] = true
	}
	if len(items) != visits || len(distinct) != visits {
		t.Errorf("%d items in the cart, %d different ones, want %d", len(items), len(distinct), visits)
	}
}

func TestConcurrentRequestsLoseNoUpdate(t *testing.T) {
	t.Parallel()
	for _, managers := range []int{1, 2} {
		t.Run(fmt.Sprintf("%d managers on one store", managers), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
			handlers := make([]http.Handler, managers)
			for i := range handlers {
				handlers[i] = e.manager(e.store).HandlerFunc(buy)
			}
			var wg sync.WaitGroup
			for i := range visits {
				wg.Go(func() {
					r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/?item="+strconv.Itoa(i), http.NoBody)
					r.AddCookie(v.cookie)
					w := httptest.NewRecorder()
					handlers[i%managers].ServeHTTP(w, r)
					wantStatus(t, w.Result(), http.StatusOK)
				})
			}
			wg.Wait()
			wantAllBought(t, v)
		})
	}
}

func TestConcurrentRequestsLoseNoUpdateThroughARealServer(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { counter.Set(s, 0) })
	server := httptest.NewServer(e.m.HandlerFunc(buy))
	t.Cleanup(server.Close)
	var wg sync.WaitGroup
	for i := range visits {
		wg.Go(func() {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, server.URL+"/?item="+strconv.Itoa(i), http.NoBody)
			if err != nil {
				t.Error(err)
				return
			}
			r.AddCookie(v.cookie)
			res, err := server.Client().Do(r)
			if err != nil {
				t.Error(err)
				return
			}
			defer func() { _ = res.Body.Close() }() // nothing is read from it
			wantStatus(t, res, http.StatusOK)
		})
	}
	wg.Wait()
	wantAllBought(t, v)
}

// Another goroutine's commit waits for a store that hangs.
func TestACommitThatWaitsForAnotherGivesUpWhenItsContextIsDone(t *testing.T) {
	t.Parallel()
	for name, f := range map[string]func(*session.Session, context.Context) error{
		"Commit":            (*session.Session).Commit,
		"Reload":            (*session.Session).Reload,
		"StopImpersonating": (*session.Session).StopImpersonating,
		"Impersonate": func(s *session.Session, ctx context.Context) error {
			return s.Impersonate(ctx, "bob", time.Minute)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(signIn("ann"))
			v.do(nothing)
			hangs, release, over := make(chan struct{}), make(chan struct{}), make(chan error)
			v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				e.store.intercept(func(_ context.Context, o op) error {
					if o == opUpdate {
						close(hangs)
						<-release
					}
					return nil
				})
				count(w, r, s)
				go func() { over <- s.Commit(r.Context()) }() //nolint:contextcheck // it has ctx
				<-hangs
				ctx, cancel := context.WithCancel(r.Context())
				cancel()
				waits := make(chan error)
				go func() { waits <- f(s, ctx) }()
				select {
				case err := <-waits:
					if !errors.Is(err, context.Canceled) {
						t.Errorf("%v, want the context's error", err)
					}
				case <-time.After(time.Minute):
					t.Error("it waits")
					defer func() { t.Log(<-waits) }()
				}
				e.store.reset()
				close(release)
				if err := <-over; err != nil {
					t.Error(err)
				}
			})
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("counter %d, want 1", n)
			}
		})
	}
}

// A commit in a function that was given to Update waits for the one that runs it again.
func TestACommitWithinUpdateEnds(t *testing.T) {
	t.Parallel()
	e := newEnv(t) // it takes StoreTimeout, and synctest's time stands still while a mutex is waited for
	v := e.seed(count)
	var errs []error
	v.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		counter.Update(s, func(n int) int {
			errs = append(errs, s.Commit(r.Context()))
			return n + 1
		})
		v.fork().do(count)
	})
	if len(errs) < 2 || errs[0] != nil || !errors.Is(errs[1], context.DeadlineExceeded) {
		t.Errorf("Commit: %v, want that the first is made and the second gives up", errs)
	}
}
