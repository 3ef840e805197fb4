package session_test

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestResponseControllerReachesTheDeadlines(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	fetch(t, http.MethodGet, e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		rc := http.NewResponseController(w)
		for name, err := range map[string]error{
			"SetReadDeadline":  rc.SetReadDeadline(farAway),
			"SetWriteDeadline": rc.SetWriteDeadline(farAway),
			"EnableFullDuplex": rc.EnableFullDuplex(),
		} {
			if err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	})), false)
}

// onlyReader hides a reader's other methods, as io.Copy would prefer them.
type onlyReader struct{ io.Reader }

// Inner writers with every set of abilities.
type (
	bareWriter      struct{ http.ResponseWriter }
	flushableWriter struct{ bareWriter }
	hijackingWriter struct{ bareWriter }
	fullWriter      struct {
		flushableWriter
		hijacker
	}
	wrappingWriter struct{ inner http.ResponseWriter }
	flushErrWriter struct{ bareWriter }
	hijacker       struct{}
	readFromWriter struct {
		bareWriter

		from *io.Reader
	}
)

func (flushableWriter) Flush()                       {}
func (flushErrWriter) FlushError() error             { return nil }
func (w wrappingWriter) Header() http.Header         { return w.inner.Header() }
func (w wrappingWriter) WriteHeader(status int)      { w.inner.WriteHeader(status) }
func (w wrappingWriter) Write(b []byte) (int, error) { return w.inner.Write(b) }
func (w wrappingWriter) Unwrap() http.ResponseWriter { return w.inner }

func (hijacker) Hijack() (net.Conn, *bufio.ReadWriter, error)        { return nil, nil, errDown }
func (hijackingWriter) Hijack() (net.Conn, *bufio.ReadWriter, error) { return nil, nil, errDown }

func (w readFromWriter) ReadFrom(r io.Reader) (int64, error) {
	*w.from = r
	return io.Copy(w.bareWriter, r)
}

func TestFlusherAndHijackerAreThereWhenTheyWork(t *testing.T) {
	t.Parallel()
	bare := func() bareWriter { return bareWriter{httptest.NewRecorder()} }
	e := newEnv(t)
	other := e.manager(e.store, func(o *session.Options) { o.Cookie.Name = "__Host-other-session" })
	for _, c := range []struct {
		name          string
		inner         http.ResponseWriter
		flush, hijack bool
	}{
		{"nothing", bare(), false, false},
		{"Flusher", flushableWriter{bare()}, true, false},
		{"FlushError", flushErrWriter{bare()}, true, false},
		{"Hijacker", hijackingWriter{bare()}, false, true},
		{"both", fullWriter{flushableWriter: flushableWriter{bare()}}, true, true},
		{"nothing, wrapped", wrappingWriter{bare()}, false, false},
		{"Flusher, wrapped", wrappingWriter{flushableWriter{bare()}}, true, false},
		{"both, wrapped twice", wrappingWriter{wrappingWriter{fullWriter{flushableWriter: flushableWriter{bare()}}}}, true, true},
	} {
		for _, nested := range []bool{false, true} {
			t.Run(c.name+map[bool]string{true: " below another Manager"}[nested], func(t *testing.T) {
				t.Parallel()
				called := false
				h := e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
					called = true
					if _, ok := w.(http.Flusher); ok != c.flush {
						t.Errorf("Flusher: %v, want %v", ok, c.flush)
					}
					if _, ok := w.(http.Hijacker); ok != c.hijack {
						t.Errorf("Hijacker: %v, want %v", ok, c.hijack)
					}
					if err := http.NewResponseController(w).Flush(); errors.Is(err, http.ErrNotSupported) == c.flush {
						t.Errorf("ResponseController.Flush: %v", err)
					}
					if _, _, err := http.NewResponseController(w).Hijack(); errors.Is(err, http.ErrNotSupported) == c.hijack {
						t.Errorf("ResponseController.Hijack: %v", err)
					}
				}))
				if nested {
					h = other.Handler(h)
				}
				h.ServeHTTP(c.inner, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
				if !called {
					t.Fatal("the handler was not called")
				}
			})
		}
	}
}

func TestReadFromReachesTheInnerReadFrom(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	var from io.Reader
	w := httptest.NewRecorder()
	content := strings.Repeat("a file", 100) // what net/http looks at for the type is shorter
	body := onlyReader{strings.NewReader(content)}
	e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if n, err := io.Copy(w, body); n != int64(len(content)) || err != nil {
			t.Errorf("copied %d bytes, %v", n, err)
		}
	})).ServeHTTP(readFromWriter{bareWriter{w}, &from}, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if from != body {
		t.Errorf("the inner ReadFrom got %T, want the handler's reader", from)
	}
	if w.Body.String() != content {
		t.Errorf("body %q", w.Body)
	}
}

// What a handler copies may fail, or be made by somebody who signs the visitor in first.
func TestTheHeaderWaitsForTheFirstBytesThatACopyHas(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if n, err := io.Copy(w, iotest.ErrReader(errDown)); n != 0 || !errors.Is(err, errDown) {
			t.Errorf("copied %d bytes, %v, want the reader's error", n, err)
		}
		count(w, r, s)
		from, to := io.Pipe()
		go func() {
			s.Authenticate("ann")
			_, err := io.WriteString(to, "page")
			_ = to.CloseWithError(err)
		}()
		if n, err := io.Copy(w, from); n != 4 || err != nil {
			t.Errorf("copied %d bytes, %v", n, err)
		}
	})
	if len(res.Cookies()) != 1 {
		t.Error("the login came too late")
	}
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}

// A flushes notes whether what is written was flushed, and fails if it is to.
type flushes struct {
	bareWriter

	flushed bool
	err     error
}

func (w *flushes) FlushError() error {
	w.flushed = true
	return w.err
}

// Also where the connection can be taken over, as it can with HTTP/1.
func TestFlushReachesTheConnectionAndSaysWhatItSays(t *testing.T) {
	t.Parallel()
	for _, hijack := range []bool{false, true} {
		for _, fail := range []error{nil, io.ErrClosedPipe} {
			inner := &flushes{bareWriter: bareWriter{httptest.NewRecorder()}, err: fail}
			var w http.ResponseWriter = inner
			if hijack {
				w = struct {
					*flushes
					hijacker
				}{flushes: inner}
			}
			newEnv(t).m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				count(w, r, s)
				flush(w)
				if inner.Header().Get("Set-Cookie") == "" || !inner.flushed {
					t.Errorf("hijack %t: flushed %t, header %q", hijack, inner.flushed, inner.Header())
				}
				if err := http.NewResponseController(w).Flush(); !errors.Is(err, fail) {
					t.Errorf("hijack %t: Flush: %v, want %v", hijack, err, fail)
				}
			}).ServeHTTP(w, newRequest(t))
		}
	}
}

// A handler learns by each call that its response was replaced.
func TestFlushAndWriteSayThatTheResponseWasReplaced(t *testing.T) {
	t.Parallel()
	for _, hijack := range []bool{false, true} {
		e := newEnv(t)
		e.store.fail(errDown, opCreate)
		var w http.ResponseWriter = &flushes{bareWriter: bareWriter{httptest.NewRecorder()}}
		if hijack {
			w = struct {
				*flushes
				hijacker
			}{flushes: &flushes{bareWriter: bareWriter{httptest.NewRecorder()}}}
		}
		e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			count(w, r, s)
			for range 2 {
				if err := http.NewResponseController(w).Flush(); !errors.Is(err, errDown) {
					t.Errorf("hijack %t: Flush: %v, want the store's error", hijack, err)
				}
				if n, err := w.Write([]byte("page")); n != 0 || !errors.Is(err, errDown) {
					t.Errorf("hijack %t: Write: %d, %v, want the store's error", hijack, n, err)
				}
			}
		}).ServeHTTP(w, newRequest(t))
	}
}

// What a reader fails with behind the first bytes is what the handler's copy fails with.
func TestACopySaysWhatItsReaderSays(t *testing.T) {
	t.Parallel()
	newEnv(t).visitor().do(func(w http.ResponseWriter, _ *http.Request, _ *session.Session) {
		const page = 4 << 10
		r := io.MultiReader(strings.NewReader(strings.Repeat("x", page)), iotest.ErrReader(errDown))
		if n, err := io.Copy(w, r); n != page || !errors.Is(err, errDown) {
			t.Errorf("Copy: %d, %v, want %d bytes and the reader's error", n, err, page)
		}
	})
}
