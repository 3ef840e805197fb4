package session_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// unsaved returns a handler whose session can't be saved: it changes it and then does work.
func (e *env) unsaved(work http.Handler) http.Handler {
	v := e.seed(count)
	e.store.fail(errDown, opUpdate)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			work.ServeHTTP(w, r)
		}).ServeHTTP(w, r)
	})
}

// A ReverseProxy that can't write aborts the response, which is not its own any more.
func TestAHandlerThatAbortsDoesNotAbortTheResponseInItsPlace(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "page") // the client takes everything
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	for _, http2 := range []bool{false, true} {
		wantOutage(t, fetch(t, http.MethodGet, newEnv(t).unsaved(proxy), http2))
	}
}

func TestOtherPanicsPassWhenTheResponseWasReplaced(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		handler, errorHandler, want any
	}{
		"the handler panics":            {"oops", nil, "oops"},
		"the handler aborts":            {http.ErrAbortHandler, nil, nil},
		"the error handler aborts":      {nil, http.ErrAbortHandler, http.ErrAbortHandler},
		"the error handler panics":      {nil, "oops", "oops"},
		"a value that does not compare": {[]int{1}, nil, []int{1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t, func(o *session.Options) {
				if c.errorHandler != nil {
					o.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic(c.errorHandler) }
				}
			})
			h := e.unsaved(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(http.StatusOK)
				if c.handler != nil {
					panic(c.handler)
				}
			}))
			defer func() {
				if got := recover(); !equalPanics(got, c.want) {
					t.Errorf("panic %v, want %v", got, c.want)
				}
			}()
			h.ServeHTTP(httptest.NewRecorder(), request(t, ""))
		})
	}
}

func equalPanics(a, b any) bool {
	x, ok := a.([]int)
	y, ok2 := b.([]int)
	return ok && ok2 && x[0] == y[0] || !ok && !ok2 && a == b
}

func TestAStreamThatLooksAtNoErrorSendsTheResponseInItsPlace(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	newEnv(t).unsaved(http.HandlerFunc(func(in http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(in, "data: 1\n\n")
		flush(in)
		if !w.Flushed || w.Code != http.StatusServiceUnavailable {
			t.Errorf("the visitor waits for the 503 while the stream goes on: flushed %v, status %d", w.Flushed, w.Code)
		}
	})).ServeHTTP(w, request(t, ""))
}

// Somebody around us may keep the header back until the handler has returned, and trailers
// are sent then in any case.
func TestWhatAHandlerSetsAfterItWasReplacedGoesNowhere(t *testing.T) {
	t.Parallel()
	work := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set(http.TrailerPrefix+"Before", "x")
		if _, err := io.WriteString(w, "page"); !errors.Is(err, errDown) {
			t.Errorf("Write: %v, want the store's error", err)
		}
		for _, name := range []string{"Set-Cookie", "Cache-Control", "Location", http.TrailerPrefix + "Grpc-Status"} {
			h.Set(name, "the handler's")
		}
		h.Del("Retry-After")
	})
	for name, around := range map[string]func(http.Handler) http.Handler{
		"alone":            func(h http.Handler) http.Handler { return h },
		"a TimeoutHandler": func(h http.Handler) http.Handler { return http.TimeoutHandler(h, time.Hour, "") },
	} {
		for _, http2 := range []bool{false, true} {
			res := fetch(t, http.MethodGet, around(newEnv(t).unsaved(work)), http2)
			wantOutage(t, res)
			if got := res.Header.Get("Cache-Control"); got != "no-store" || res.Header.Get("Location") != "" || len(res.Trailer) > 0 {
				t.Errorf("%s, HTTP/2 %v: %v, trailers %v", name, http2, res.Header, res.Trailer)
			}
		}
	}
}

// A goroutine of a handler that has panicked may go on. Nothing that it gets reaches the
// visitor, and the response is somebody else's.
func TestAHandlerThatHasPanickedHandsNothingOut(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	w, r := httptest.NewRecorder(), request(t, v.cookie.Name+"="+v.ticket())
	var later func()
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic did not pass")
			}
		}()
		e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			later = func() {
				s.Authenticate("ann")
				if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
					t.Errorf("Commit of a login: %v, want ErrHeaderSent", err)
				}
				e.m.Fail(w, r, errDown)
			}
			panic("oops")
		}).ServeHTTP(w, r)
	}()
	later()
	if w.Body.Len() > 0 || len(w.Header()) > 0 {
		t.Errorf("answered %v %q", w.Header(), w.Body)
	}
	if n, _ := read(v, counter); n != 1 {
		t.Error("the visitor's session is gone")
	}
}

// Somebody within us may recover from the panic of an ErrorHandler, and can't answer.
func TestAfterAnErrorHandlerThatPanicsTheStatusIsNoSuccess(t *testing.T) {
	t.Parallel()
	e := newEnv(t, func(o *session.Options) {
		o.ErrorHandler = func(http.ResponseWriter, *http.Request, error) { panic("oops") }
	})
	w := httptest.NewRecorder()
	e.unsaved(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		defer func() { _ = recover() }()
		_, _ = io.WriteString(w, "Order placed")
	})).ServeHTTP(w, request(t, ""))
	if w.Code != http.StatusServiceUnavailable || w.Body.String() == "Order placed" {
		t.Errorf("%d %q, want 503", w.Code, w.Body)
	}
}
