package session_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestAFailedSaveReplacesTheHandlersResponse(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.store.fail(errDown, opCreate)
	res := e.visitor().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		h := w.Header()
		for _, name := range []string{
			"Content-Type", "Content-Encoding", "Location", "ETag", "Last-Modified", "Expires", "Set-Cookie", "Refresh",
			"Clear-Site-Data", // a logout that has failed must not look like one that worked
		} {
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
	body, err := io.ReadAll(res.Body)
	if err != nil || strings.Contains(string(body), "Order") || strings.Contains(string(body), errDown.Error()) {
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

func TestStatusCodeSaysWhetherTryingAgainHelps(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]int{
		errDown:                  http.StatusServiceUnavailable,
		context.Canceled:         http.StatusServiceUnavailable,
		sessionstore.ErrConflict: http.StatusServiceUnavailable,
		sessionstore.ErrExists:   http.StatusServiceUnavailable,
		sessionstore.ErrCorrupt:  http.StatusServiceUnavailable,
		session.ErrNotFound:      http.StatusConflict,
		session.ErrNoSession:     http.StatusInternalServerError,
		session.ErrHeaderSent:    http.StatusInternalServerError,
		session.ErrEncode:        http.StatusInternalServerError,
		session.ErrTooLarge:      http.StatusInternalServerError,
		session.ErrInvalid:       http.StatusInternalServerError,
		session.ErrUnsupported:   http.StatusInternalServerError,
	} {
		if got := session.StatusCode(fmt.Errorf("wrapped: %w", err)); got != want {
			t.Errorf("%v: %d, want %d", err, got, want)
		}
	}
}

// Whoever is told that the session has ended, or has too many, has broken nothing.
func TestWhatIsRefusedIsNoErrorInTheLog(t *testing.T) {
	t.Parallel()
	for err, want := range map[error]string{
		errDown:                    `level=ERROR msg="session: request failed"`,
		session.ErrTooLarge:        `level=ERROR msg="session: request failed"`,
		session.ErrNotFound:        `level=INFO msg="session: request refused"`,
		session.ErrRetired:         `level=INFO msg="session: request refused"`,
		session.ErrTooManySessions: `level=INFO msg="session: request refused"`,
	} {
		e := newEnv(t)
		res := e.visitor().serve(e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			e.m.Fail(w, r, fmt.Errorf("wrapped: %w", err))
		})))
		wantStatus(t, res, session.StatusCode(err))
		if logged := e.logs.String(); !strings.Contains(logged, want) {
			t.Errorf("%v: logged %s", err, logged)
		}
	}
}

func TestAHandlerThatPanicsSavesNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		value any
		fall  func(http.ResponseWriter)
	}{
		{"oops", func(http.ResponseWriter) { panic("oops") }},
		{http.ErrAbortHandler, func(http.ResponseWriter) { panic(http.ErrAbortHandler) }},
		{"invalid WriteHeader code 0", func(w http.ResponseWriter) { w.WriteHeader(0) }},
		{"invalid WriteHeader code 1000", func(w http.ResponseWriter) { w.WriteHeader(1000) }},
	} {
		e := newEnv(t)
		v := e.seed(count)
		func() {
			defer func() {
				if got := recover(); got != c.value {
					t.Errorf("recovered %v, want %v", got, c.value)
				}
			}()
			v.fork().do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				s.Authenticate("ann")
				c.fall(w)
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
		{"renew", renew},
		{"destroy", destroy},
		{"a value that can't be encoded", func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			session.NewKey[func()]("f").Set(s, func() {})
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v := e.seed(signIn("ann", count))
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

// Commit would save the one, and not the other.
func TestTheLogSaysWhetherACommitWouldHaveSavedIt(t *testing.T) {
	t.Parallel()
	const commit, handOut = "call Session.Commit", "a ticket has to be handed out"
	for _, c := range []struct {
		name string
		env  func(testing.TB, ...func(*session.Options)) *env
		seed handler
		work handler
		want string
	}{
		{"a visitor's change", newEnv, count, count, commit},
		{"a logout", newEnv, signIn("ann", nothing), destroy, commit},
		{"a new visitor's first change", newEnv, nothing, count, handOut},
		{"a login", newEnv, count, authenticate, handOut},
		{"a new ticket", newEnv, signIn("ann", nothing), renew, handOut},
		{"a change, in its cookie", newCookieOnlyEnv, count, count, handOut},
		{"a logout, of what is in its cookie", newCookieOnlyEnv, count, destroy, handOut},
	} {
		e := c.env(t)
		v := e.visitor()
		v.do(c.seed)
		v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			w.WriteHeader(http.StatusOK)
			c.work(w, r, s)
		})
		for _, text := range []string{commit, handOut} {
			if got := strings.Contains(e.logs.String(), text); got != (text == c.want) {
				t.Errorf("%s: logged %q, want it to say %q", c.name, e.logs, c.want)
			}
		}
	}
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

// http.TimeoutHandler answers while the handler that it has given up may fail, in
// a goroutine of its own.
func TestFailWhileTheHeaderIsDecidedOnOnlyLogs(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		e.store.intercept(func(_ context.Context, o op) error {
			if o == opUpdate {
				e.m.Fail(w, r, errDown)
			}
			return nil
		})
		w.WriteHeader(http.StatusAccepted)
	})
	wantStatus(t, res, http.StatusAccepted)
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
	if !strings.Contains(e.logs.String(), errDown.Error()) {
		t.Error("the failure was not logged")
	}
}

func TestAnErrorHandlerThatFailsOnlyLogs(t *testing.T) {
	t.Parallel()
	var m *session.Manager
	e := newEnv(t)
	m = e.manager(e.store, func(o *session.Options) {
		o.ErrorHandler = func(w http.ResponseWriter, r *http.Request, err error) {
			m.Fail(w, r, err)
			w.WriteHeader(http.StatusBadGateway)
		}
	})
	v := e.seed(count)
	v.m = m
	e.store.fail(errDown, opUpdate)
	wantStatus(t, v.do(count), http.StatusBadGateway)
}
