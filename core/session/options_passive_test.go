package session_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// request sends a request with a header field for a visitor.
func (v *visitor) request(method, name, value string, f handler) {
	r := httptest.NewRequestWithContext(v.e.tb.Context(), method, "/", http.NoBody)
	if name != "" {
		r.Header.Set(name, value)
	}
	if v.cookie != nil {
		r.AddCookie(v.cookie)
	}
	w := httptest.NewRecorder()
	v.m.HandlerFunc(f)(w, r)
	v.took(w.Result())
}

func polls(o *session.Options) {
	o.Passive = append(o.Passive, session.SkipHeader("X-Poll", "*"), session.Speculative)
}

func TestAPassiveRequestDoesNotExtendTheSession(t *testing.T) {
	t.Parallel()
	for what, f := range map[string]handler{"read": nothing, "write": count} {
		for rule, c := range map[string]struct{ method, name, value string }{
			"poll":     {http.MethodGet, "X-Poll", "1"},
			"HEAD":     {http.MethodHead, "", ""},
			"prefetch": {http.MethodGet, "Sec-Purpose", "prefetch;prerender"},
		} {
			t.Run(what+", "+rule, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					e := newEnv(t, polls)
					v := e.login("ann")
					v.do(nothing) // its ticket is seen
					var expires time.Time
					v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { expires = s.Expires() })
					for end := expires; time.Now().Add(time.Minute).Before(end); {
						pass(time.Minute)
						v.request(c.method, c.name, c.value, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
							f(w, r, s)
							if !s.Expires().Equal(expires) {
								t.Fatalf("it says that it ends at %v, want %v", s.Expires(), expires)
							}
						})
					}
					pass(time.Minute)
					v.do(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
						if s.Subject() != "" {
							t.Error("the session lives on")
						}
					})
				})
			})
		}
	}
}

func TestASpeculativeRequestTakesNoMessages(t *testing.T) {
	t.Parallel()
	take := func(got *int) handler {
		return func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			messages, err := s.Flashes(r.Context())
			if err != nil {
				t.Error(err)
			}
			*got = len(messages)
		}
	}
	for name, c := range map[string]struct{ method, name, value string }{
		"HEAD":             {http.MethodHead, "", ""},
		"prefetch":         {http.MethodGet, "Sec-Purpose", "prefetch"},
		"prerender":        {http.MethodGet, "Sec-Purpose", "prefetch;prerender"},
		"an older browser": {http.MethodGet, "Purpose", "prefetch"},
	} {
		v := newEnv(t).seed(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Flash("", "saved") })
		var got int
		if v.request(c.method, c.name, c.value, take(&got)); got != 0 {
			t.Errorf("%s: it has taken the message", name)
		}
		if v.do(take(&got)); got != 1 {
			t.Errorf("%s: %d messages for the page that follows, want 1", name, got)
		}
	}
}

func TestAPassiveRequestBeginsASession(t *testing.T) {
	t.Parallel()
	v := newEnv(t, polls).visitor()
	v.request(http.MethodGet, "X-Poll", "1", count)
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
}
