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

	session "github.com/cloakroom-go/cloakroom/core"
)

// What each way of use tells, in this order and once.
var tellings = []struct {
	name string
	seed handler // nil: a new visitor
	work handler
	want []string
}{
	{"an anonymous visit", nil, nothing, nil},
	{"a visit that stores nothing", nil, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Clear() }, nil},
	{"a first value", nil, count, []string{"created"}},
	{"a login of a new visitor", nil, authenticate, []string{"created", "authenticated"}},
	{"a login of a new visitor, committed twice", nil, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		_ = s.Commit(r.Context()) // looked at by its events
		count(w, r, s)
	}, []string{"created", "authenticated"}},
	{"Destroy of nothing", nil, destroy, nil},
	{"read", count, nothing, nil},
	{"write", count, count, nil},
	{"login", count, authenticate, []string{"authenticated"}},
	{"login again", authenticate, authenticate, []string{"authenticated"}},
	{"login as somebody else", authenticate, signIn("bob", nothing), []string{"ended: replaced", "authenticated"}},
	{"login as two others", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		signIn("eve", nothing)(w, r, s)
	}, []string{"ended: replaced", "authenticated"}},
	{"login as two others, one after the other", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		_ = s.Commit(r.Context()) // looked at by its events
		signIn("eve", count)(w, r, s)
	}, []string{"ended: replaced", "authenticated", "ended: replaced", "authenticated"}},
	{"login of a new visitor as two", nil, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		authenticate(w, r, s)
	}, []string{"created", "authenticated"}},
	{"login and Renew", count, signIn("ann", renew), []string{"authenticated"}},
	{"Renew", count, renew, []string{"renewed"}},
	{"StepUp", authenticate, stepUp, []string{"renewed"}},
	{"StepUp and StepUp", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		stepUp(w, r, s)
		stepTo("vault", time.Hour)(w, r, s)
	}, []string{"renewed"}},
	{"Destroy", count, destroy, []string{"ended: destroyed"}},
	{"Destroy and Destroy", count, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		destroy(w, r, s)
		destroy(w, r, s)
	}, []string{"ended: destroyed"}},
	{"Destroy and a goodbye", count, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		destroy(w, r, s)
		count(w, r, s)
	}, []string{"ended: destroyed", "created"}},
	{"an authentication hash that is out of date", authenticate, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.CheckAuthHash("hash")
	}, []string{"ended: credentials changed"}},
	{"EndOthers of none", authenticate, func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		_, _ = s.EndOthers(r.Context()) // looked at by its events
	}, nil},
	{"what can't be saved", count, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("") }, nil},
	{"what can't be encoded", count, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		session.NewKey[chan int]("c").Set(s, nil)
	}, nil},
	{"what is too large", count, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		name.Set(s, strings.Repeat("x", session.DefaultMaxSize))
	}, nil},
	{"what comes after the header", nil, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		w.WriteHeader(http.StatusOK)
		count(w, r, s)
		_ = s.Commit(r.Context()) // looked at by its events
	}, nil},
}

func TestEachUseTellsWhatItDoesOnce(t *testing.T) {
	t.Parallel()
	for _, c := range tellings {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.visitor()
			if c.seed != nil {
				v = e.seed(c.seed)
			}
			d.taken()
			v.do(c.work)
			wantEvents(t, &d, c.want...)
		})
	}
}

func wantEvents(t *testing.T, d *diary, want ...string) {
	t.Helper()
	if got := d.kinds(); !slices.Equal(got, want) {
		t.Errorf("told %q, want %q", got, want)
	}
}

func TestEventsNameTheSessionAndItsSubject(t *testing.T) {
	t.Parallel()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	v := e.seed(count)
	var handle string
	v.do(handleOf(&handle))
	v.do(authenticate)
	v.do(renew)
	v.do(signIn("bob", nothing))
	var bob string
	v.do(handleOf(&bob))
	v.do(destroy)
	want := []session.Event{
		{Kind: session.EventCreated, Handle: handle},
		{Kind: session.EventAuthenticated, Handle: handle, Subject: "ann"},
		{Kind: session.EventRenewed, Handle: handle, Subject: "ann"},
		{Kind: session.EventEnded, Handle: handle, Subject: "ann", Reason: session.EndReplaced},
		{Kind: session.EventAuthenticated, Handle: bob, Subject: "bob"},
		{Kind: session.EventEnded, Handle: bob, Subject: "bob", Reason: session.EndDestroyed},
	}
	if got := d.taken(); !slices.Equal(got, want) {
		t.Errorf("told\n%+v, want\n%+v", got, want)
	}
}

func TestRevocationsAreToldOnce(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(e *env, v *visitor, handle string) error{
		"End": func(e *env, _ *visitor, handle string) error { return e.m.End(e.tb.Context(), "ann", handle) },
		"EndSubject": func(e *env, _ *visitor, _ string) error {
			_, err := e.m.EndSubject(e.tb.Context(), "ann")
			return err
		},
		"EndExternal": func(e *env, _ *visitor, _ string) error {
			_, err := e.m.EndExternal(e.tb.Context(), "sid-1")
			return err
		},
		"EndOthers": func(e *env, _ *visitor, _ string) (err error) {
			other := e.login("ann")
			other.do(func(_ http.ResponseWriter, r *http.Request, s *session.Session) { _, err = s.EndOthers(r.Context()) })
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.login("ann", external("sid-1"))
			var handle string
			v.do(handleOf(&handle))
			d.taken()
			if err := end(e, v, handle); err != nil {
				t.Fatal(err)
			}
			var ended []session.Event
			for _, event := range d.taken() {
				if event.Kind == session.EventEnded {
					ended = append(ended, event)
				}
			}
			want := session.Event{Kind: session.EventEnded, Handle: handle, Subject: "ann", Reason: session.EndRevoked}
			if !slices.Equal(ended, []session.Event{want}) {
				t.Errorf("told %+v, want once %+v", ended, want)
			}
		})
	}
}

func TestEvictionsAndRefusalsAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		policy func(int) func(*session.Options)
		want   []string
	}{
		"evict":  {atMost, []string{"ended: evicted", "created", "authenticated"}},
		"refuse": {refusing, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var d diary
				e, _ := newIndexedEnv(t, c.policy(1), d.keep)
				e.login("ann")
				pass(time.Second)
				d.taken()
				e.visitor().do(authenticate)
				wantEvents(t, &d, c.want...)
			})
		})
	}
}

func TestARenewalIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e, _ := newIndexedEnv(t, renewing, d.keep)
		v := e.login("ann", count)
		pass(renewEvery)
		d.taken()
		acrossARenewal(t, v, []*session.Manager{e.m})
		told := slices.DeleteFunc(d.kinds(), func(kind string) bool { return kind == "conflict" })
		if !slices.Equal(told, []string{"renewed"}) {
			t.Errorf("told %q, want that it was renewed", told)
		}
	})
}

func TestConflictsAndLateRequestsAreTold(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		meanwhile handler
		want      []string
	}{
		"another write":  {count, []string{"conflict"}},
		"another logout": {destroy, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var d diary
			e, _ := newIndexedEnv(t, d.keep)
			v := e.seed(count)
			finish := v.fork().slow(count)
			v.do(c.meanwhile)
			d.taken()
			finish()
			wantEvents(t, &d, c.want...)
		})
	}
}

// Whatever fails, and wherever: one failure is told once, without a ticket.
func TestAFailureOfTheStoreIsToldOnce(t *testing.T) {
	t.Parallel()
	works := map[string]handler{
		"read": nothing, "write": count, "Authenticate": authenticate, "Renew": renew, "Destroy": destroy,
		"login with external id": signIn("ann", external("sid-1")),
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
			d.taken()
			e.store.fail(session.ErrCorrupt, o)
			v.do(work)
			if got := d.taken(); len(got) != 1 || got[0].Kind != session.EventStoreError || !errors.Is(got[0].Err, session.ErrCorrupt) {
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
		"End": func() error { return e.m.End(t.Context(), "ann", "handle") },
		"EndSubject": func() error {
			_, err := e.m.EndSubject(t.Context(), "ann")
			return err
		},
		"EndExternal": func() error {
			_, err := e.m.EndExternal(t.Context(), "sid-1")
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

// A hook that asks for the session would wait for itself.
func TestAHookHasNoSessionInItsContext(t *testing.T) {
	t.Parallel()
	var (
		m    *session.Manager
		told []string
	)
	e, _ := newIndexedEnv(t)
	m = e.manager(e.indexed(), atMost(1), func(o *session.Options) {
		o.OnEvent = func(ctx context.Context, event session.Event) {
			told = append(told, event.Kind.String())
			if _, err := m.FromContext(ctx); !errors.Is(err, session.ErrNoSession) {
				t.Errorf("at %v the session is in the context: %v", event.Kind, err)
			}
			if ctx.Value(visitorName) != "ann" {
				t.Errorf("at %v the context has lost its values", event.Kind)
			}
		}
	})
	h := m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		authenticate(w, r, s)
		if err := s.Commit(r.Context()); err != nil {
			t.Error(err)
		}
		if _, err := m.EndSubject(r.Context(), "ann"); err != nil {
			t.Error(err)
		}
	})
	for range 2 {
		serveRequest(h, newRequest(t).WithContext(context.WithValue(t.Context(), visitorName, "ann")))
	}
	if len(told) < 4 {
		t.Errorf("told only %q", told)
	}
}

type contextKey string

const visitorName contextKey = "visitor"

func TestKindsHaveNames(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	for k := session.EventCreated; k <= session.EventStoreError; k++ {
		if text := k.String(); text == "" || text == "unknown" || seen[text] {
			t.Errorf("kind %d is %q", k, text)
		}
		seen[k.String()] = true
	}
	for _, k := range []session.EventKind{0, -1, session.EventStoreError + 1} {
		if k.String() != "unknown" {
			t.Errorf("kind %d is %q", k, k)
		}
	}
}
