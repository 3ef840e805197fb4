package session_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAnOutageIsNotALogout(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	outages := [][]op{{opLoad}, {opUpdate}, {opLoad, opUpdate}}
	want, err := e.record(v)
	if err != nil {
		t.Fatal(err)
	}
	for cycle := range 1000 {
		e.store.fail(errDown, outages[cycle%len(outages)]...)
		wantOutage(t, v.do(count))
		got, err := e.record(v)
		if err != nil || got.Version != want.Version || !bytes.Equal(got.Data, want.Data) {
			t.Fatalf("cycle %d: the outage changed the stored record (%v)", cycle, err)
		}
		e.store.reset()
		wantStatus(t, v.do(count), http.StatusOK)
		if want, err = e.record(v); err != nil {
			t.Fatal(err)
		}
		if t.Failed() {
			t.Fatalf("in cycle %d", cycle)
		}
	}
	if n, _ := read(v, counter); n != 1001 {
		t.Errorf("counter %d after 1,001 successful requests", n)
	}
}

func TestErrorsOfTheStoreGiveTheirStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		op   op
		want int
	}{
		{errDown, opLoad, http.StatusServiceUnavailable},
		{errDown, opUpdate, http.StatusServiceUnavailable},
		{sessionstore.ErrConflict, opLoad, http.StatusServiceUnavailable}, // breaks the contract, is no logout
		{sessionstore.ErrCorrupt, opLoad, http.StatusServiceUnavailable},
		{sessionstore.ErrCorrupt, opUpdate, http.StatusServiceUnavailable},
		{session.ErrTooLarge, opUpdate, http.StatusInternalServerError},
		{session.ErrInvalid, opLoad, http.StatusInternalServerError},
		{session.ErrInvalid, opUpdate, http.StatusInternalServerError},
		{session.ErrUnsupported, opUpdate, http.StatusInternalServerError},
		{session.ErrNotFound, opLoad, http.StatusOK}, // a new session
	} {
		t.Run(fmt.Sprintf("%v from %s is %d", c.err, c.op, c.want), func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			e.store.fail(fmt.Errorf("teststore: %w", c.err), c.op)
			res := v.fork().do(count)
			wantStatus(t, res, c.want)
			if retry := res.Header.Get("Retry-After") != ""; retry != (c.want == http.StatusServiceUnavailable) {
				t.Errorf("Retry-After: %q", res.Header.Get("Retry-After"))
			}
			if c.want != http.StatusOK {
				wantNoCookie(t, res)
			}
			e.store.reset()
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("counter %d afterwards, want 1", n)
			}
		})
	}
}

func TestADamagedRecordIsAnErrorAndNotANewSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.fail(sessionstore.ErrCorrupt, opLoad)
	wantOutage(t, v.do(count))
	if calls := e.store.taken(); calls[opCreate]+calls[opUpdate]+calls[opDelete] != 0 {
		t.Errorf("the store was written to: %v", calls)
	}
}

func TestAStalledStoreIsGivenUpAfterStoreTimeout(t *testing.T) {
	t.Parallel()
	const timeout = 3 * time.Second
	for _, c := range []struct {
		name string
		op   op
	}{{"load", opLoad}, {"save", opUpdate}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t, func(o *session.Options) { o.StoreTimeout = timeout })
				v := e.seed(count)
				e.store.intercept(func(ctx context.Context, o op) error {
					if o != c.op {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				})
				start := time.Now()
				wantOutage(t, v.do(count))
				if took := time.Since(start); took != timeout {
					t.Errorf("gave up after %v, want %v", took, timeout)
				}
			})
		})
	}
}

func TestAClientThatIsGoneBeforeTheLoadIsNoError(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	v.within(ctx, e.m.HandlerFunc(count))
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
	if logged := e.logs.String(); !strings.Contains(logged, "client went away") || strings.Contains(logged, "ERROR") {
		t.Errorf("logged %q", logged)
	}
}

// Visitors, or a proxy, may have less patience than StoreTimeout.
func TestAnOutageThatNobodyWaitsForIsAnErrorInTheLog(t *testing.T) {
	t.Parallel()
	for _, stalls := range []op{opLoad, opUpdate} {
		for what, patience := range map[string]func(context.Context) (context.Context, context.CancelFunc){
			"goes away": func(ctx context.Context) (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(ctx)
				time.AfterFunc(time.Second, cancel)
				return ctx, cancel
			},
			"has a deadline": func(ctx context.Context) (context.Context, context.CancelFunc) {
				return context.WithTimeout(ctx, time.Second)
			},
		} {
			synctest.Test(t, func(t *testing.T) {
				e := newEnv(t)
				v := e.seed(count)
				e.store.intercept(func(ctx context.Context, o op) error {
					if o != stalls {
						return nil
					}
					<-ctx.Done()
					return ctx.Err()
				})
				ctx, cancel := patience(t.Context())
				defer cancel()
				v.within(ctx, e.m.HandlerFunc(count))
				logged := e.logs.String()
				if !strings.Contains(logged, "request failed") || strings.Contains(logged, "client went away") {
					t.Errorf("%s stalls, and the visitor %s: logged %q", stalls, what, logged)
				}
			})
		}
	}
}

func TestALookThatIsGivenUpLeavesTheSessionToOthers(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.intercept(func(ctx context.Context, _ op) error { return ctx.Err() })
	res := v.serve(e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		if _, err := e.m.FromContext(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("without time: %v", err)
		}
		s, err := e.m.Get(r)
		if err != nil {
			e.m.Fail(w, r, err)
			return
		}
		count(w, r, s)
	})))
	wantStatus(t, res, http.StatusOK)
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// An interrupted call costs a driver its connection.
func TestAClientThatGoesAwayInterruptsNoLoad(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	ctx, goAway := context.WithCancel(t.Context())
	defer goAway()
	e.store.intercept(func(ctx context.Context, o op) error {
		goAway()
		if deadline, ok := ctx.Deadline(); !ok || time.Until(deadline) > session.DefaultStoreTimeout {
			t.Errorf("%s has %v, %v", o, deadline, ok)
		}
		return ctx.Err()
	})
	v.within(ctx, e.m.HandlerFunc(count))
	e.store.reset()
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// An application's own end of a context counts, as in every library.
func TestAnApplicationInterruptsALoad(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.serve(e.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		own, cancel := context.WithCancel(r.Context())
		defer cancel()
		e.store.intercept(func(ctx context.Context, _ op) error {
			cancel()
			<-ctx.Done()
			return ctx.Err()
		})
		if _, err := e.m.FromContext(own); !errors.Is(err, context.Canceled) {
			t.Errorf("FromContext: %v", err)
		}
		e.store.reset()
	})))
}

// A deadline may be over before its context knows. Whoever has more time loads again.
func TestALoadThatOnlyALoadersDeadlineEndsIsMadeAgain(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.serve(e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		late := unaware{r.Context()}
		if _, err := e.m.FromContext(late); !errors.Is(err, context.DeadlineExceeded) { //nolint:contextcheck // it is the request's
			t.Errorf("without time: %v", err)
		}
		s, err := e.m.Get(r)
		if err != nil {
			e.m.Fail(w, r, err)
			return
		}
		count(w, r, s)
	})))
	wantStatus(t, res, http.StatusOK)
}

// unaware is a context whose deadline is over, and whose timer has not noticed yet.
type unaware struct{ context.Context } //nolint:containedctx // it is one

func (unaware) Deadline() (time.Time, bool) { return time.Now().Add(-time.Nanosecond), true }

// However often the handler asks: the request has failed.
func TestAnOutageIsFoundOncePerRequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.fail(errDown, opLoad)
	v.serve(e.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		for range 2 {
			if _, err := e.m.Get(r); !errors.Is(err, errDown) {
				t.Errorf("Get: %v, want the store's error", err)
			}
		}
	})))
	if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
		t.Errorf("store calls %v, want one Load", calls)
	}
}
