package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// The rules of these tests.
func health(r *http.Request) bool { return r.URL.Path == "/health" }
func probe(r *http.Request) bool  { return r.Header.Get("X-Probe") != "" }

func skipping(rules ...func(*http.Request) bool) func(*session.Options) {
	return func(o *session.Options) { o.Skip = rules }
}

func TestASkippedRequestTouchesNeitherStoreNorCookie(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path, probe string
		skipped     bool
	}{
		{"/", "", false},
		{"/health", "", true},
		{"/", "yes", true},
		{"/health", "yes", true},
	} {
		t.Run(c.path+" "+c.probe, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, skipping(health, probe))
			v := e.seed(count)
			h := e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := e.m.Get(r)
				again, err2 := e.m.FromContext(r.Context())
				if errors.Is(err, session.ErrSkipped) != c.skipped || errors.Is(err2, session.ErrSkipped) != c.skipped {
					t.Errorf("%v, %v, want ErrSkipped: %v", err, err2, c.skipped)
				}
				if (s == nil) != c.skipped || again != s {
					t.Errorf("session %v, %v", s != nil, again != nil)
				}
				if s != nil {
					counter.Update(s, increment)
				}
				w.WriteHeader(http.StatusAccepted)
			}))
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, c.path, http.NoBody)
			r.AddCookie(v.cookie)
			if c.probe != "" {
				r.Header.Set("X-Probe", c.probe)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			wantStatus(t, w.Result(), http.StatusAccepted)
			wantNoCookie(t, w.Result())
			if calls := e.store.taken(); (len(calls) == 0) != c.skipped {
				t.Errorf("store calls %v", calls)
			}
			if varies := w.Result().Header["Vary"] != nil; varies == c.skipped {
				t.Errorf("it varies: %v", varies)
			}
		})
	}
}

func TestASkippedRequestStaysSkippedInANestedHandler(t *testing.T) {
	t.Parallel()
	e := newEnv(t, skipping(health))
	h := e.m.Handler(e.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if _, err := e.m.Get(r); !errors.Is(err, session.ErrSkipped) {
			t.Errorf("%v, want ErrSkipped", err)
		}
	})))
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", http.NoBody))
}

func TestARuleIsForItsOwnManager(t *testing.T) {
	t.Parallel()
	e := newEnv(t, skipping(health))
	other := e.manager(e.store, func(o *session.Options) { o.Cookie.Name = "__Host-other-session" })
	h := e.m.Handler(other.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if _, err := e.m.Get(r); !errors.Is(err, session.ErrSkipped) {
			t.Errorf("%v, want ErrSkipped", err)
		}
		count(w, r, s)
	}))
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", http.NoBody))
	if c := w.Result().Cookies(); len(c) != 1 || c[0].Name != "__Host-other-session" {
		t.Errorf("Set-Cookie %q", w.Result().Header["Set-Cookie"])
	}
}

func TestRulesAreAskedOncePerRequestAndInOrder(t *testing.T) {
	t.Parallel()
	var asked []string
	rule := func(name string, answer bool) func(*http.Request) bool {
		return func(*http.Request) bool {
			asked = append(asked, name)
			return answer
		}
	}
	e := newEnv(t, skipping(rule("a", false), rule("b", true), rule("c", true)))
	e.m.Handler(e.m.Handler(http.NotFoundHandler())).ServeHTTP(httptest.NewRecorder(), request(t, ""))
	if got := strings.Join(asked, ""); got != "ab" {
		t.Errorf("asked %q, want ab", got)
	}
}

func TestAHandlerThatNeedsASessionFailsOnASkippedRequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t, skipping(health))
	w := httptest.NewRecorder()
	e.m.HandlerFunc(func(http.ResponseWriter, *http.Request, *session.Session) { t.Error("it ran") }).
		ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/health", http.NoBody))
	wantStatus(t, w.Result(), http.StatusInternalServerError)
	if !strings.Contains(e.logs.String(), "skipped") {
		t.Error("the log does not say why")
	}
}
