package session_test

import (
	"context"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestTheCookieGoesOutWithWhateverSendsTheHeader(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int
		send   func(http.ResponseWriter) error
	}{
		{"nothing written", http.StatusOK, func(http.ResponseWriter) error { return nil }},
		{"Write", http.StatusOK, func(w http.ResponseWriter) error { _, err := w.Write([]byte("x")); return err }},
		{"Write of nothing", http.StatusOK, func(w http.ResponseWriter) error { _, err := w.Write(nil); return err }},
		{"WriteString", http.StatusOK, func(w http.ResponseWriter) error { _, err := io.WriteString(w, "x"); return err }},
		{"ReadFrom", http.StatusOK, func(w http.ResponseWriter) error {
			_, err := io.Copy(w, onlyReader{strings.NewReader("x")})
			return err
		}},
		{"Flush before Write", http.StatusOK, func(w http.ResponseWriter) error { return http.NewResponseController(w).Flush() }},
		{"Flusher", http.StatusOK, func(w http.ResponseWriter) error { flush(w); return nil }},
		{"WriteHeader 200", http.StatusOK, writeHeader(http.StatusOK)},
		{"WriteHeader 204", http.StatusNoContent, writeHeader(http.StatusNoContent)},
		{"WriteHeader 303", http.StatusSeeOther, writeHeader(http.StatusSeeOther)},
		{"WriteHeader 304", http.StatusNotModified, writeHeader(http.StatusNotModified)},
		{"WriteHeader 404", http.StatusNotFound, writeHeader(http.StatusNotFound)},
		{"WriteHeader twice", http.StatusAccepted, func(w http.ResponseWriter) error {
			w.WriteHeader(http.StatusAccepted)
			w.WriteHeader(http.StatusTeapot)
			return nil
		}},
		{"103 first", http.StatusOK, func(w http.ResponseWriter) error {
			w.Header().Set("Link", "</style.css>; rel=preload; as=style")
			w.WriteHeader(http.StatusEarlyHints)
			_, err := w.Write([]byte("x"))
			return err
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			for _, http2 := range []bool{false, true} {
				e := newEnv(t)
				work := e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
					count(w, r, s)
					if err := c.send(w); err != nil {
						t.Error(err)
					}
				})
				res := fetch(t, http.MethodGet, work, http2)
				wantStatus(t, res, c.status)
				if cookies := res.Header["Set-Cookie"]; len(cookies) != 1 {
					t.Errorf("HTTP/2 %v: Set-Cookie %q, want one", http2, cookies)
				}
				v := e.visitor()
				v.took(res)
				if n, _ := read(v, counter); n != 1 {
					t.Errorf("HTTP/2 %v: counter %d, want 1", http2, n)
				}
			}
		})
	}
}

// flush does as older handlers do.
func flush(w http.ResponseWriter) {
	if f, ok := w.(http.Flusher); ok {
		f.Flush()
	}
}

func writeHeader(status int) func(http.ResponseWriter) error {
	return func(w http.ResponseWriter) error {
		w.WriteHeader(status)
		return nil
	}
}

// fetch sends a request to a real server that has this handler.
func fetch(t *testing.T, method string, h http.Handler, http2 bool) *http.Response {
	t.Helper()
	server := httptest.NewUnstartedServer(h)
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a second WriteHeader is complained about
	server.StartTLS()
	t.Cleanup(server.Close)
	r, err := http.NewRequestWithContext(t.Context(), method, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := server.Client()
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.Copy(io.Discard, res.Body); err != nil {
		t.Error(err)
	}
	if err = res.Body.Close(); err != nil {
		t.Error(err)
	}
	return res
}

func TestAHandlerOfOldLearnsThatTheVisitorHasGone(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	ctx, leave := context.WithCancel(t.Context())
	h := e.m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, _ *session.Session) {
		n, ok := w.(interface{ CloseNotify() <-chan bool })
		if !ok {
			t.Fatal("the ResponseWriter is no http.CloseNotifier")
		}
		gone := n.CloseNotify()
		select {
		case <-gone:
			t.Error("gone already")
		default:
		}
		leave()
		<-gone
		<-n.CloseNotify() // asked for too late
	})
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody))
}

func TestAHeadRequestGetsTheCookie(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	res := fetch(t, http.MethodHead, e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		_, _ = io.WriteString(w, "a body that is not sent") // http.ErrBodyNotAllowed on some servers
	}), false)
	if len(res.Cookies()) != 1 {
		t.Errorf("Set-Cookie: %q, want one", res.Header["Set-Cookie"])
	}
}

// A hintRecorder notes the header that goes with every status.
type hintRecorder struct {
	*httptest.ResponseRecorder

	hints []http.Header
}

func (w *hintRecorder) WriteHeader(status int) {
	if status < http.StatusOK && status != http.StatusSwitchingProtocols {
		w.hints = append(w.hints, w.Header().Clone())
		return
	}
	w.ResponseRecorder.WriteHeader(status)
}

func TestEarlyHintsCarryNoCookieAndDoNotCommit(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	w := &hintRecorder{ResponseRecorder: httptest.NewRecorder()}
	e.m.HandlerFunc(func(w http.ResponseWriter, _ *http.Request, s *session.Session) {
		counter.Update(s, increment)
		w.WriteHeader(http.StatusEarlyHints)
		if calls := e.store.taken(); len(calls) != 0 {
			t.Errorf("103 made store calls: %v", calls)
		}
		counter.Update(s, increment) // in time
		w.WriteHeader(http.StatusOK)
		w.WriteHeader(http.StatusEarlyHints) // too late
	}).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if len(w.hints) != 1 {
		t.Fatalf("%d informational headers, want 1", len(w.hints))
	}
	if w.hints[0]["Set-Cookie"] != nil {
		t.Errorf("103 with Set-Cookie %q", w.hints[0]["Set-Cookie"])
	}
	v := e.visitor()
	v.took(w.Result())
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

func TestSwitchingProtocolsCommits(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		w.WriteHeader(http.StatusSwitchingProtocols)
	})
	wantStatus(t, res, http.StatusSwitchingProtocols)
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
}

func TestVaryNamesCookieOnceWheneverTheSessionWasLookedAt(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	for _, c := range []struct {
		name string
		set  []string
		want []string
	}{
		{"none", nil, []string{"Cookie"}},
		{"another", []string{"Accept"}, []string{"Accept", "Cookie"}},
		{"already there", []string{"Accept, cookie"}, []string{"Accept, cookie"}},
		{"already there, second line", []string{"Accept", "X, Cookie"}, []string{"Accept", "X, Cookie"}},
		{"everything", []string{"*"}, []string{"*"}},
		{"a longer name", []string{"Cookie2"}, []string{"Cookie2", "Cookie"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			res := e.visitor().do(func(w http.ResponseWriter, _ *http.Request, _ *session.Session) {
				for _, v := range c.set {
					w.Header().Add("Vary", v)
				}
			})
			if got := res.Header["Vary"]; !slices.Equal(got, c.want) {
				t.Errorf("Vary %q, want %q", got, c.want)
			}
		})
	}
	untouched := e.visitor().serve(e.m.Handler(http.NotFoundHandler()))
	if got := untouched.Header["Vary"]; got != nil {
		t.Errorf("Vary %q though nobody looked at the session", got)
	}
}
