package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Whatever fails, and wherever: one failure is told once, without a ticket.
func TestAFailureOfTheStoreIsToldOnce(t *testing.T) {
	t.Parallel()
	works := map[string]handler{
		"read": nothing, "write": count, "Authenticate": authenticate, "Renew": renew, "Destroy": destroy,
		"EndOthers": func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			_, _ = s.EndOthers(r.Context()) // looked at by its events
		},
	}
	policies := map[string]func(*session.Options){
		"no limit": func(*session.Options) {}, "evict": atMost(1), "refuse": refusing(5), "renewal": renewing,
	}
	for workName, work := range works {
		for policyName, policy := range policies {
			for n := 1; n <= storeCalls; n++ {
				for _, outage := range []bool{false, true} {
					t.Run(fmt.Sprintf("%s, %s, call %d, outage %v", workName, policyName, n, outage), func(t *testing.T) {
						t.Parallel()
						synctest.Test(t, func(t *testing.T) {
							// In an outage, these do more than one thing that fails.
							several := outage && (workName == "EndOthers" || workName == "read" && policyName == "renewal")
							failureIsTold(t, policy, work, n, outage, several)
						})
					})
				}
			}
		}
	}
}

func failureIsTold(t *testing.T, policy func(*session.Options), work handler, n int, outage, several bool) {
	t.Helper()
	var d diary
	e, _ := newIndexedEnv(t, policy, d.keep)
	v := e.login("ann", count)
	pass(renewEvery)
	d.taken()
	e.store.at(n, false, outage, errDown)
	res := v.fork().do(work)
	failures := slices.DeleteFunc(d.taken(), func(e session.Event) bool { return e.Kind != session.EventStoreError })
	if len(failures) > 1 && !several {
		t.Errorf("told %d times: %v", len(failures), failures)
	}
	if res.StatusCode == http.StatusServiceUnavailable && len(failures) == 0 {
		t.Error("the visitor got 503, and nobody was told")
	}
	for _, event := range failures {
		if !errors.Is(event.Err, errDown) {
			t.Errorf("error %v, want the store's", event.Err)
		}
		for _, secret := range []string{v.cookie.Value[:43], v.cookie.Value[44:]} {
			if strings.Contains(fmt.Sprintf("%+v", event), secret) {
				t.Errorf("an event shows a part of a ticket: %+v", event)
			}
		}
	}
}

func TestDamageIsToldOnce(t *testing.T) {
	t.Parallel()
	list := func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, _ = s.EndOthers(r.Context()) // looked at by its events
	}
	for o, work := range map[op]handler{opLoad: nothing, opUpdate: count, opList: list} {
		t.Run(string(o), func(t *testing.T) {
			t.Parallel()
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.login("ann")
			v.do(nothing)
			d.taken()
			e.store.fail(sessionstore.ErrCorrupt, o)
			v.do(work)
			got := d.taken()
			if len(got) != 1 || got[0].Kind != session.EventStoreError || !errors.Is(got[0].Err, sessionstore.ErrCorrupt) {
				t.Errorf("told %+v, want the damage once", got)
			}
		})
	}
}

func TestAnAnswerToATouchIsNoFailure(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		err  error
		want []string
	}{
		{session.ErrTooLarge, nil},
		{errDown, []string{"store error"}},
	} {
		synctest.Test(t, func(t *testing.T) {
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.seed(count)
			pass(session.DefaultIdleTimeout / 2)
			d.taken()
			e.store.fail(c.err, opTouch)
			v.do(nothing)
			wantEvents(t, &d, c.want...)
		})
	}
}

func TestAFailedListIsToldOnce(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	e.login("ann")
	d.taken()
	e.store.fail(errDown, opLoad, opList)
	for name, f := range map[string]func() error{
		"List": func() error {
			_, err := e.m.List(t.Context(), "ann")
			return err
		},
		"End": func() error { return e.m.End(t.Context(), "ann", "id") },
		"EndSubject": func() error {
			_, err := e.m.EndSubject(t.Context(), "ann")
			return err
		},
		"EndIf": func() error {
			_, err := e.m.EndIf(t.Context(), "ann", func(session.Info) bool { return true })
			return err
		},
	} {
		if err := f(); !errors.Is(err, errDown) {
			t.Errorf("%s: %v, want the store's error", name, err)
		}
		if got := d.kinds(); !slices.Equal(got, []string{"store error"}) {
			t.Errorf("%s told %q", name, got)
		}
	}
}

func TestAClientThatWentAwayIsNoFailureOfTheStore(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	v := e.login("ann")
	v.do(nothing)
	d.taken()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := newRequest(t).WithContext(ctx)
	r.AddCookie(v.cookie)
	serveRequest(e.m.HandlerFunc(count), r)
	wantEvents(t, &d)
	v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		counter.Set(s, 7)
		if err := s.Commit(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("Commit: %v", err)
		}
	})
	wantEvents(t, &d)
	if n, _ := read(v, counter); n != 7 {
		t.Errorf("counter %d: not saved with the response", n)
	}
}

// That a ticket was seen can't be noted: the response is none the worse, and the outage is told.
func TestAFailureToNoteASightIsTold(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	v := e.login("ann")
	d.taken()
	e.store.fail(errDown, opUpdate)
	wantStatus(t, v.do(nothing), http.StatusOK)
	wantEvents(t, &d, "store error")
}

// Nor is it one that http.TimeoutHandler has given the request up.
func TestARequestThatIsGivenUpIsNoFailureOfTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e := newEnv(t, d.keep)
		e.visitor().serve(http.TimeoutHandler(e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			pass(2 * time.Second)
			if err := s.Commit(r.Context()); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("Commit: %v, want DeadlineExceeded", err)
			}
		}), time.Second, "too late"))
		pass(2 * time.Second)
		if kinds := d.kinds(); len(kinds) > 0 {
			t.Errorf("told %q", kinds)
		}
	})
}
