package session_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestTheApplicationsCookiesStay(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		http.SetCookie(w, &http.Cookie{Name: "theme", Value: "dark"})
		http.SetCookie(w, &http.Cookie{Name: "language", Value: "fr"})
		count(w, r, s)
	})
	if got := res.Header["Set-Cookie"]; len(got) != 3 || got[0] != "theme=dark" || got[1] != "language=fr" {
		t.Errorf("Set-Cookie: %q, want the application's two and ours", got)
	}
}

func TestCacheControlIsSetWithACookieUnlessTheHandlerDid(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name, set string
		work      handler
		want      string
	}{
		{"cookie", "", count, "no-store"},
		{"cookie, set", "private, max-age=1", count, "private, max-age=1"},
		{"no cookie", "", nothing, ""},
		{"no cookie, set", "public", nothing, "public"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				if c.set != "" {
					w.Header().Set("Cache-Control", c.set)
				}
				c.work(w, r, s)
			})
			if got := res.Header.Get("Cache-Control"); got != c.want {
				t.Errorf("Cache-Control %q, want %q", got, c.want)
			}
		})
	}
}

// sessionLogger is a slog.Handler that adds the session's subject, as an
// application may well do.
type sessionLogger struct {
	slog.Handler

	m **session.Manager
}

func (h sessionLogger) Handle(ctx context.Context, r slog.Record) error {
	if s, err := (*h.m).FromContext(ctx); err == nil {
		r.AddAttrs(slog.String("subject", s.Subject()))
	}
	return h.Handler.Handle(ctx, r)
}

func TestALoggerMayAskForTheSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var m *session.Manager
	m = e.manager(e.store, func(o *session.Options) { o.Logger = slog.New(sessionLogger{o.Logger.Handler(), &m}) })
	for name, work := range map[string]handler{
		"forged ticket": nothing,
		"failure":       func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Authenticate("") },
		"a value that does not decode": func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			name.Set(s, "text")
			session.NewKey[int](name.Name()).Get(s)
		},
	} {
		t.Log(name) // if it hangs, the logger waits for the session that is being loaded
		v := &visitor{e: e, m: m, cookie: &http.Cookie{Name: "__Host-session", Value: "forged"}}
		v.do(work)
	}
}

func TestGetOutsideHandlerIsErrNoSession(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
	_, err := e.m.Get(r)
	if !errors.Is(err, session.ErrNoSession) {
		t.Errorf("Get: %v", err)
	}
	if _, err := e.m.FromContext(t.Context()); !errors.Is(err, session.ErrNoSession) {
		t.Errorf("FromContext: %v", err)
	}
	w := httptest.NewRecorder()
	e.m.Fail(w, r, err)
	wantStatus(t, w.Result(), http.StatusInternalServerError)
}

func TestGetLoadsOncePerRequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	v.serve(e.m.Handler(e.m.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		a, err := e.m.Get(r)
		if err != nil {
			t.Error(err)
		}
		b, err := e.m.FromContext(context.WithoutCancel(r.Context()))
		if err != nil || a != b {
			t.Errorf("a second session in one request (%v)", err)
		}
		counter.Update(a, increment)
		counter.Update(b, increment)
	}))))
	if calls := e.store.taken(); calls[opLoad] != 1 || calls[opUpdate] != 1 {
		t.Errorf("store calls %v, want one load and one update", calls)
	}
	if n, _ := read(v, counter); n != 3 {
		t.Errorf("counter %d, want 3", n)
	}
}

func TestSeveralManagersShareARequest(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	other := newEnv(t, func(o *session.Options) { o.Cookie.Name = "__Host-other" })
	page := e.m.HandlerFunc(func(_ http.ResponseWriter, r *http.Request, s *session.Session) {
		counter.Update(s, increment)
		s2, err := other.m.Get(r)
		if err != nil {
			t.Error(err)
			return
		}
		counter.Set(s2, 10)
	})
	res := e.visitor().serve(other.m.Handler(page))
	wantStatus(t, res, http.StatusOK)
	if got := res.Cookies(); len(got) != 2 {
		t.Fatalf("cookies %v, want two", got)
	}
	if got := res.Header["Vary"]; len(got) != 1 {
		t.Errorf("Vary %q, want it once", got)
	}

	other.store.fail(errDown, opCreate)
	res = e.visitor().serve(other.m.Handler(page))
	wantStatus(t, res, http.StatusServiceUnavailable)
}

func TestTimeoutHandlerInsideAndOutside(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		quick := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s, err := e.m.Get(r)
			if err != nil {
				t.Error(err)
				return
			}
			count(w, r, s)
		})
		inside, outside := e.visitor(), e.visitor()
		for want := range 3 {
			wantStatus(t, inside.serve(e.m.Handler(http.TimeoutHandler(quick, time.Second, ""))), http.StatusOK)
			wantStatus(t, outside.serve(http.TimeoutHandler(e.m.Handler(quick), time.Second, "")), http.StatusOK)
			for _, v := range []*visitor{inside, outside} {
				if n, _ := read(v, counter); n != want+1 {
					t.Errorf("counter %d, want %d", n, want+1)
				}
			}
		}
		stuck := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			quick(w, r)
			<-time.After(time.Minute)
			if r.Context().Err() == nil {
				t.Error("the request's context is not done")
			}
			_, err := io.WriteString(w, "late")
			if !errors.Is(err, http.ErrHandlerTimeout) {
				t.Errorf("a late Write returned %v, want ErrHandlerTimeout", err)
			}
		})
		wantStatus(t, inside.serve(e.m.Handler(http.TimeoutHandler(stuck, time.Second, ""))), http.StatusServiceUnavailable)
		wantStatus(t, outside.serve(http.TimeoutHandler(e.m.Handler(stuck), time.Second, "")), http.StatusServiceUnavailable)
		pass(time.Hour)
	})
}

func TestAPageForSomebodySignedInIsNotCached(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	anonymous, ann := e.seed(count), e.seed(authenticate)
	own := func(w http.ResponseWriter, _ *http.Request, _ *session.Session) {
		w.Header().Set("Cache-Control", "private, max-age=60")
	}
	for _, c := range []struct {
		name string
		v    *visitor
		f    handler
		want string
	}{
		{"anonymous", anonymous, look, ""},
		{"signed in", ann, look, "no-store"},
		{"signed in, the handler knows better", ann, own, "private, max-age=60"},
	} {
		if got := c.v.do(c.f).Header.Get("Cache-Control"); got != c.want {
			t.Errorf("%s: Cache-Control %q, want %q", c.name, got, c.want)
		}
	}
}

func TestTwoHeaderFieldsWorkSideBySide(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	in := func(field string) *session.Manager {
		return e.manager(e.store, func(o *session.Options) { o.Header = field })
	}
	res := serveRequest(in("X-One").Handler(in("X-Other").HandlerFunc(count)), newRequest(t))
	wantStatus(t, res, http.StatusOK)
	if res.Header.Get("X-Other") == "" {
		t.Error("no ticket is handed out")
	}
}
