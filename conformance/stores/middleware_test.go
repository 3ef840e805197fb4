package stores_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

// What docs/middleware.md says of handlers around and within Manager.Handler.

func recoverer(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if recover() != nil {
				w.WriteHeader(http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(w, r)
	})
}

func TestWhatARecovererSavesDependsOnWhereItStands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		around func(m *session.Manager, h http.Handler) http.Handler
		want   int
	}{
		{"outside of Handler nothing", func(m *session.Manager, h http.Handler) http.Handler {
			return recoverer(m.Handler(h))
		}, 0},
		{"inside of Handler what was changed before", func(m *session.Manager, h http.Handler) http.Handler {
			return m.Handler(recoverer(h))
		}, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := manager(t, memstore.New(memstore.Options{}), lifeOptions())
			_, cookie := login(t, m, "ann")
			h := m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
				count(r.Context(), s)
				panic("a bug")
			})
			if status, _ := serve(t, c.around(m, h), cookie); status != http.StatusInternalServerError {
				t.Errorf("status %d, want 500", status)
			}
			wantCount(t, m, cookie, c.want)
		})
	}
}

func TestWhatATimeoutSavesDependsOnWhereItsHandlerStands(t *testing.T) {
	t.Parallel()
	slow := func(m *session.Manager) http.Handler {
		return m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
			count(r.Context(), s)
			if r.URL.Path == "/login" {
				s.Authenticate("ann")
			}
			<-time.After(time.Minute)
		})
	}
	for _, c := range []struct {
		name   string
		around func(m *session.Manager) http.Handler
		signed bool // a login is made with the answer that says 503
	}{
		{"outside of Handler no login", func(m *session.Manager) http.Handler {
			return http.TimeoutHandler(m.Handler(slow(m)), time.Second, "")
		}, false},
		{"inside of Handler the login with its ticket", func(m *session.Manager) http.Handler {
			return m.Handler(http.TimeoutHandler(slow(m), time.Second, ""))
		}, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := manager(t, memstore.New(memstore.Options{}), lifeOptions())
				_, cookie := send(t, m, nil, count)
				status, set := serve(t, c.around(m), cookie)
				if status != http.StatusServiceUnavailable || set != nil {
					t.Errorf("status %d, cookie %v; want 503 and no cookie", status, set)
				}
				<-time.After(2 * time.Minute)
				wantCount(t, m, cookie, 2)
				r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/login", http.NoBody)
				r.AddCookie(cookie)
				w := httptest.NewRecorder()
				c.around(m).ServeHTTP(w, r)
				if got := len(w.Result().Cookies()) == 1; got != c.signed {
					t.Errorf("the 503 hands out a ticket: %v, want %v", got, c.signed)
				}
				<-time.After(time.Minute)
				list, err := m.List(t.Context(), "ann")
				if got := len(list) == 1; err != nil || got != c.signed {
					t.Errorf("signed in: %v, error %v, want %v", got, err, c.signed)
				}
			})
		})
	}
}

// serve sends one request with a cookie, and returns the answer's status and cookie.
func serve(t *testing.T, h http.Handler, cookie *http.Cookie) (status int, set *http.Cookie) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	r.AddCookie(cookie)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	for _, c := range w.Result().Cookies() {
		set = c
	}
	return w.Code, set
}

func wantCount(t *testing.T, m *session.Manager, cookie *http.Cookie, want int) {
	t.Helper()
	send(t, m, cookie, func(_ context.Context, s *session.Session) {
		if got := counter.Get(s); got != want {
			t.Errorf("counted %d, want %d", got, want)
		}
	})
}

// TestAScriptOfAnOriginThatIsLetInSignsIn is what docs/middleware.md proposes: CORS and
// CrossOriginProtection let the same origin in.
func TestAScriptOfAnOriginThatIsLetInSignsIn(t *testing.T) {
	t.Parallel()
	const app = "https://app.example.com"
	api := manager(t, memstore.New(memstore.Options{}), session.Options{Keys: [][]byte{session.GenerateKey()}, Header: "Authorization"})
	origin := http.NewCrossOriginProtection()
	if err := origin.AddTrustedOrigin(app); err != nil {
		t.Fatal(err)
	}
	site := api.Handler(origin.Handler(api.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
		s.Authenticate("ann")
	})))
	for from, want := range map[string]int{app: http.StatusOK, "https://evil.example": http.StatusForbidden} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "https://api.example.com/token", http.NoBody)
		r.Header.Set("Origin", from)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		w := httptest.NewRecorder()
		site.ServeHTTP(w, r)
		if got := w.Header().Get("Session-Ticket") != ""; w.Code != want || got != (want == http.StatusOK) {
			t.Errorf("%s: status %d, a ticket: %t, want %d", from, w.Code, got, want)
		}
	}
}
