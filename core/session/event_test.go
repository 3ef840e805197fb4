package session_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
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
	{"first sight of a login's ticket", authenticate, nothing, []string{"seen"}},
	{"first sight with a write", authenticate, count, []string{"seen"}},
	{"login again", authenticate, authenticate, []string{"seen", "authenticated"}},
	{"login as somebody else", authenticate, signIn("bob", nothing), []string{"created", "authenticated", "ended: replaced"}},
	{"login as two others", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		signIn("eve", nothing)(w, r, s)
	}, []string{"created", "authenticated", "ended: replaced"}},
	{"login as two others, one after the other", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		_ = s.Commit(r.Context()) // looked at by its events
		signIn("eve", count)(w, r, s)
	}, []string{"created", "authenticated", "ended: replaced", "created", "authenticated", "ended: replaced"}},
	{"login of a new visitor as two", nil, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		s.Authenticate("bob")
		authenticate(w, r, s)
	}, []string{"created", "authenticated"}},
	{"login and Renew", count, signIn("ann", renew), []string{"authenticated"}},
	{"Renew of an anonymous session", count, renew, nil},
	{"Renew", authenticate, renew, []string{"seen", "offered"}},
	{"Reauthenticate", authenticate, reauthenticate, []string{"seen", "offered"}},
	{"StepUp", authenticate, stepUp, []string{"seen", "offered"}},
	{"StepUp and StepUp", authenticate, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		stepUp(w, r, s)
		stepTo("vault", time.Hour)(w, r, s)
	}, []string{"seen", "offered"}},
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
	}, []string{"seen"}},
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
	synctest.Test(t, eventsNameTheSession)
}

func eventsNameTheSession(t *testing.T) {
	t.Helper()
	var d diary
	e, _ := newIndexedEnv(t, d.keep)
	v := e.seed(count)
	var publicID string
	v.do(publicIDOf(&publicID))
	v.do(authenticate)
	old := v.fork()
	v.do(renew)
	v.do(nothing)
	pass(renewGrace)
	old.do(nothing)
	v.do(signIn("bob", nothing))
	var bob string
	v.do(publicIDOf(&bob))
	v.do(destroy)
	want := []session.Event{
		{Kind: session.EventCreated, ID: publicID},
		{Kind: session.EventAuthenticated, ID: publicID, Subject: "ann"},
		{Kind: session.EventSeen, ID: publicID, Subject: "ann"},
		{Kind: session.EventOffered, ID: publicID, Subject: "ann"},
		{Kind: session.EventSeen, ID: publicID, Subject: "ann"},
		{Kind: session.EventReused, ID: publicID, Subject: "ann"},
		{Kind: session.EventCreated, ID: bob, Subject: "bob"},
		{Kind: session.EventAuthenticated, ID: bob, Subject: "bob"},
		{Kind: session.EventEnded, ID: publicID, Subject: "ann", Reason: session.EndReplaced},
		{Kind: session.EventSeen, ID: bob, Subject: "bob"},
		{Kind: session.EventEnded, ID: bob, Subject: "bob", Reason: session.EndDestroyed},
	}
	if got := d.taken(); !slices.Equal(got, want) {
		t.Errorf("told\n%+v, want\n%+v", got, want)
	}
}

// A browser that was given a cookie with another Path or Domain sends the old one as well,
// and first: that is no copy. It is one if nothing, or another session's ticket, comes with it.
func TestARetiredTicketBesideTheOneThatFollowedItIsNoCopy(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e, _ := newIndexedEnv(t, d.keep)
		v, thief := e.login("ann"), e.login("eve")
		v.do(nothing)
		old := v.fork()
		v.do(renew)
		v.do(nothing)
		thief.do(nothing)
		pass(renewGrace)
		d.taken()
		for _, c := range []struct {
			brings []*visitor
			want   []string
		}{
			{[]*visitor{old, v}, nil},
			{[]*visitor{v, old}, nil},
			{[]*visitor{old}, []string{"retired ticket presented"}},
			{[]*visitor{old, thief}, []string{"retired ticket presented"}},
		} {
			r := newRequest(t)
			for _, b := range c.brings {
				r.AddCookie(b.cookie)
			}
			logged := strings.Count(e.logs.String(), "after its grace")
			wantStatus(t, serveRequest(e.m.HandlerFunc(look), r), http.StatusOK)
			wantEvents(t, &d, c.want...)
			if n := strings.Count(e.logs.String(), "after its grace") - logged; n != len(c.want) {
				t.Errorf("%d lines in the log, want %d", n, len(c.want))
			}
		}
	})
}

// Requests with a ticket whose time has come do not each hand out another.
func TestARenewalIsToldOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var d diary
		e, _ := newIndexedEnv(t, renewing, d.keep)
		v := e.login("ann", count)
		v.do(nothing)
		pass(renewEvery)
		d.taken()
		acrossARenewal(t, v, []*session.Manager{e.m})
		told := slices.DeleteFunc(d.kinds(), func(kind string) bool { return kind == "conflict" })
		if !slices.Equal(told, []string{"offered", "seen"}) {
			t.Errorf("told %q, want that a ticket was offered once, and then seen", told)
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
		"another logout": {destroy, []string{"conflict"}},
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
