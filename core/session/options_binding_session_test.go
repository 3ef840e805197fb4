package session_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// from sends a request of v from a browser and an address.
func (v *visitor) from(agent, addr string, f handler) *http.Response {
	v.e.tb.Helper()
	r := httptest.NewRequestWithContext(v.e.tb.Context(), http.MethodGet, "/", http.NoBody)
	r.Header.Set("User-Agent", agent)
	r.RemoteAddr = addr
	if v.cookie != nil {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		v.e.secret(v.cookie.Value)
	}
	w := httptest.NewRecorder()
	v.m.HandlerFunc(f).ServeHTTP(w, r)
	return v.took(w.Result())
}

const (
	home  = "192.0.2.7:1234"
	next  = "192.0.2.99:1"
	afar  = "198.51.100.7:1234"
	agent = "Browser/1"
)

func bound(o *session.Options) {
	o.Binding = session.Binding{UserAgent: true, IPv4Bits: 24, IPv6Bits: 64}
}

func TestASessionFromElsewhereEndsAndGoesOnAsAnonymous(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, agent, addr string
		ends              bool
	}{
		{"same browser and network", agent, next, false},
		{"another browser", "Browser/2", home, true},
		{"another network", agent, afar, true},
		{"no browser", "", home, true},
		{"no address", agent, "@", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var events []session.Event
			e := newEnv(t, bound, func(o *session.Options) { o.OnEvent = record(&events) })
			v := e.visitor()
			v.from(agent, home, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				s.Authenticate("ann")
				counter.Set(s, 7)
			})
			victim, events0 := v.fork(), len(events)
			res := v.from(c.agent, c.addr, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
				if anonymous := s.Subject() == "" && s.IsNew() && !s.Has("counter"); anonymous != c.ends {
					t.Errorf("subject %q, counter %d", s.Subject(), counter.Get(s))
				}
			})
			wantStatus(t, res, http.StatusOK)
			if e.ended(victim) != c.ends || (v.cookie == nil) != c.ends {
				t.Errorf("the record has ended: %v, cookie taken back: %v", e.ended(victim), v.cookie == nil)
			}
			if c.ends && (len(events) != events0+1 || events[events0].Reason != session.EndBinding || events[events0].Subject != "ann") {
				t.Errorf("events %v, want one of the end", events[events0:])
			}
		})
	}
}

func TestAnUnboundSessionIsBoundWhenItIsWritten(t *testing.T) {
	t.Parallel()
	e := newEnv(t, bound)
	unbound := e.visitor()
	unbound.m = e.manager(e.store)
	unbound.from(agent, home, count)
	unbound.m = e.m
	unbound.from("Browser/2", afar, count) // binds it
	unbound.from("Browser/3", afar, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if !s.IsNew() {
			t.Error("the session that was bound later is good elsewhere")
		}
	})
	unbound.from(agent, home, authenticate)
	unbound.from(agent, next, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		if s.Subject() != "ann" {
			t.Errorf("signed in as %q in the network of the login", s.Subject())
		}
	})
}

// record collects events; for requests one after the other.
func record(events *[]session.Event) func(ctx context.Context, e session.Event) {
	return func(_ context.Context, e session.Event) { *events = append(*events, e) }
}

// A browser sends two cookies of a name whose paths or domains differ.
func TestASessionFromElsewhereDoesNotTakeAnotherCookieAlong(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(testing.TB, ...func(*session.Options)) *env{
		"store": newEnv, "cookie-only": newCookieOnlyEnv,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := open(t, bound)
			foreign, own := e.visitor(), e.visitor()
			foreign.from("Browser/2", home, count)
			own.from(agent, home, count)
			kept := own.cookie.Value
			r := newRequest(t)
			r.Header.Set("User-Agent", agent)
			r.RemoteAddr = home
			r.AddCookie(foreign.cookie)
			r.AddCookie(own.cookie)
			own.took(serveRequest(e.m.HandlerFunc(look), r))
			if own.cookie == nil || own.cookie.Value != kept {
				t.Errorf("the browser's own cookie is now %v", own.cookie)
			}
		})
	}
}

// Also where it was loaded again before it was written.
func TestASessionIsBoundByALogin(t *testing.T) {
	t.Parallel()
	for name, quiet := range map[string]bool{"that meets a write": false, "with a ticket from before another": true} {
		e := newEnv(t, bound)
		v := e.visitor()
		v.from(agent, home, count)
		other := v.fork()
		if quiet {
			other.from(agent, home, signIn("bob"))
			other.from(agent, home, nothing)
		}
		v.from(agent, home, signIn("ann", func(http.ResponseWriter, *http.Request, *session.Session) {
			if !quiet {
				other.from(agent, home, count)
			}
		}))
		v.fork().from("Browser/2", home, func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			if s.Subject() != "" {
				t.Errorf("by a login %s, it is good in another browser", name)
			}
		})
	}
}
