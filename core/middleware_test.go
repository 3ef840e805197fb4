package session_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
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

func TestAFailedSaveReplacesTheHandlersResponse(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.store.fail(errDown, opCreate)
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		h := w.Header()
		for _, name := range []string{"Content-Type", "Content-Encoding", "Location", "ETag", "Last-Modified", "Expires", "Set-Cookie"} {
			h.Set(name, "of the handler")
		}
		h.Set("Content-Length", "12")
		h.Set("Strict-Transport-Security", "max-age=1")
		w.WriteHeader(http.StatusCreated)
		if n, err := io.WriteString(w, "Order placed"); n != 0 || !errors.Is(err, errDown) {
			t.Errorf("Write returned %d, %v, want the store's error", n, err)
		}
		if n, err := io.Copy(w, onlyReader{strings.NewReader("more")}); n != 0 || !errors.Is(err, errDown) {
			t.Errorf("ReadFrom returned %d, %v, want the store's error", n, err)
		}
		if err := http.NewResponseController(w).Flush(); !errors.Is(err, errDown) {
			t.Errorf("Flush returned %v, want the store's error", err)
		}
		w.WriteHeader(http.StatusTeapot)
	})
	wantOutage(t, res)
	for name, values := range res.Header {
		if values[0] == "of the handler" || name == "Content-Length" && values[0] == "12" {
			t.Errorf("%s of the handler is still there", name)
		}
	}
	if res.Header.Get("Strict-Transport-Security") == "" {
		t.Error("a header that is not about the handler's response is gone")
	}
	if got := res.Header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q, want no-store", got)
	}
	if got := res.Header.Get("Vary"); got != "Cookie" {
		t.Errorf("Vary %q, want Cookie", got)
	}
	if body, err := io.ReadAll(res.Body); err != nil || strings.Contains(string(body), "Order") || strings.Contains(string(body), errDown.Error()) {
		t.Errorf("body %q, %v", body, err)
	}
}

func TestErrorHandlerAnswersInsteadOfUs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	m := e.manager(e.store, func(o *session.Options) {
		o.ErrorHandler = func(w http.ResponseWriter, _ *http.Request, err error) {
			w.WriteHeader(session.StatusCode(err) + 10)
			_, _ = io.WriteString(w, err.Error()) // the recorder takes everything
		}
	})
	v := e.seed(count)
	v.m = m
	for _, failing := range []op{opLoad, opUpdate} {
		e.store.fail(errDown, failing)
		res := v.do(count)
		wantStatus(t, res, http.StatusServiceUnavailable+10)
		wantNoCookie(t, res)
		if body, err := io.ReadAll(res.Body); err != nil || !strings.Contains(string(body), errDown.Error()) {
			t.Errorf("the error handler's body is %q, %v", body, err)
		}
	}
}

func TestAHandlerThatPanicsSavesNothing(t *testing.T) {
	t.Parallel()
	for _, value := range []any{"oops", http.ErrAbortHandler} {
		e := newEnv(t)
		v := e.seed(count)
		func() {
			defer func() {
				if got := recover(); got != value {
					t.Errorf("recovered %v, want %v", got, value)
				}
			}()
			v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				s.Authenticate("ann")
				panic(value)
			})
		}()
		if calls := e.store.taken(); calls[opLoad] != 1 || len(calls) != 1 {
			t.Errorf("store calls %v, want the load only", calls)
		}
		if n, _ := read(v, counter); n != 1 {
			t.Errorf("counter %d, want 1", n)
		}
	}
}

func TestAChangeAfterTheHeaderIsLogged(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		work handler
	}{
		{"set", count},
		{"renew", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Renew() }},
		{"destroy", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { s.Destroy() }},
		{"a value that can't be encoded", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[func()]("f").Set(s, func() {})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(count)
			res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				w.WriteHeader(http.StatusOK)
				c.work(w, r, s)
			})
			wantStatus(t, res, http.StatusOK)
			if !strings.Contains(e.logs.String(), "level=ERROR") {
				t.Errorf("logged: %q", e.logs)
			}
			if n, _ := read(v, counter); n != 1 {
				t.Errorf("counter %d, want 1", n)
			}
		})
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

func TestFailAfterTheHeaderOnlyLogs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := e.visitor().serve(e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "page") // the recorder takes everything
		e.m.Fail(w, r, errDown)
	})))
	wantStatus(t, res, http.StatusOK)
	if body, err := io.ReadAll(res.Body); string(body) != "page" || err != nil {
		t.Errorf("body %q, %v", body, err)
	}
	if !strings.Contains(e.logs.String(), errDown.Error()) {
		t.Error("the failure was not logged")
	}
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
			<-r.Context().Done()
			_, err := io.WriteString(w, "late")
			if !errors.Is(err, http.ErrHandlerTimeout) {
				t.Errorf("a late Write returned %v, want ErrHandlerTimeout", err)
			}
		})
		wantStatus(t, inside.serve(e.m.Handler(http.TimeoutHandler(stuck, time.Second, ""))), http.StatusServiceUnavailable)
		wantStatus(t, outside.serve(http.TimeoutHandler(e.m.Handler(stuck), time.Second, "")), http.StatusServiceUnavailable)
		synctest.Wait()
	})
}
