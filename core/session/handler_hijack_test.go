package session_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// hijack takes the connection over and writes the header that w has, as a library for
// WebSockets may do, or may not.
func hijack(tb testing.TB, w http.ResponseWriter) {
	tb.Helper()
	conn, rw, err := http.NewResponseController(w).Hijack()
	if err != nil {
		tb.Error(err)
		return
	}
	defer func() { _ = conn.Close() }() // the client has its answer or fails
	_, _ = rw.WriteString("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n")
	if err := w.Header().Write(rw); err != nil {
		tb.Error(err)
	}
	_, _ = rw.WriteString("\r\n")
	if err := rw.Flush(); err != nil {
		tb.Error(err)
	}
}

// hijacked sends a request of v to a server whose handler takes the connection over
// when f is done.
func (v *visitor) hijacked(t *testing.T, f handler) *http.Response {
	t.Helper()
	return fetchHijacked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if v.cookie != nil {
			r.AddCookie(&http.Cookie{Name: v.cookie.Name, Value: v.cookie.Value})
		}
		v.m.HandlerFunc(f).ServeHTTP(w, r)
	}))
}

// fetchHijacked is fetch that waits until h has returned: who takes the connection over may
// go on when the answer has left.
func fetchHijacked(t *testing.T, h http.Handler) *http.Response {
	t.Helper()
	returned := make(chan struct{})
	res := fetch(t, http.MethodGet, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(returned)
		h.ServeHTTP(w, r)
	}), false)
	<-returned
	return res
}

func TestHijackCommitsAndOffersNoTicket(t *testing.T) {
	t.Parallel()
	v := newEnv(t, renewing, func(o *session.Options) { o.RenewEvery, o.RenewGrace = 2, 1 }).seed(signIn("ann", count))
	res := v.hijacked(t, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		hijack(t, w)
		s.Renew()
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrHeaderSent) {
			t.Errorf("Commit of a Renew: %v, want ErrHeaderSent", err)
		}
	})
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
	if n, _ := read(v, counter); n != 3 {
		t.Errorf("counter %d, want 3", n)
	}
}

func TestATicketOfACommitBeforeHijackIsInTheHeaderMap(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.visitor()
	v.took(v.hijacked(t, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if err := s.Commit(r.Context()); err != nil {
			t.Errorf("Commit: %v", err)
		}
		hijack(t, w)
	}))
	if n, _ := read(v, counter); n != 1 {
		t.Errorf("counter %d, want 1", n)
	}
}

func TestHijackOfARequestThatNeedsATicketFails(t *testing.T) {
	t.Parallel()
	for what, begin := range map[string]handler{"a new session": nil, "a login": count} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v, work := e.visitor(), count
			if begin != nil {
				v, work = e.seed(begin), authenticate
			}
			res := v.hijacked(t, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				work(w, r, s)
				if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, session.ErrHeaderSent) {
					t.Errorf("Hijack returned %v, want ErrHeaderSent", err)
				}
			})
			wantStatus(t, res, http.StatusInternalServerError)
			wantNoCookie(t, res)
			if calls := e.store.taken(); calls[opCreate]+calls[opUpdate] != 0 {
				t.Errorf("store calls %v: something was stored", calls)
			}
		})
	}
}

func TestHijackFailsWithTheStore(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	e.store.fail(errDown, opUpdate)
	wantOutage(t, v.hijacked(t, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if _, _, err := http.NewResponseController(w).Hijack(); !errors.Is(err, errDown) {
			t.Errorf("Hijack returned %v, want the store's error", err)
		}
	}))
}

// A library that speaks HTTP/2 on a connection that it has taken over (h2c) gives each
// request there a context of the one that the connection began with. Behind a proxy they
// are those of many visitors.
func TestRequestsOnAConnectionThatWasTakenOverHaveSessionsOfTheirOwn(t *testing.T) {
	t.Parallel()
	for what, begin := range map[string]func(*http.Request){
		"prior knowledge": func(r *http.Request) { r.Method, r.ProtoMajor = "PRI", 2 },
		"an upgrade":      func(r *http.Request) { r.Header.Set("Upgrade", "H2C") },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			v, ann := e.seed(count), e.seed(signIn("ann"))
			site := e.m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				s, err := e.m.Get(r)
				if err != nil {
					t.Error(err)
				}
				name.Get(s)
				hijack(t, w)
				another := httptest.NewRequestWithContext(r.Context(), http.MethodGet, "/", http.NoBody)
				another.AddCookie(v.cookie)
				if _, err = e.m.Get(another); !errors.Is(err, session.ErrNoSession) {
					t.Errorf("Get of another request: %v, want ErrNoSession", err)
				}
				if serveRequest(e.m.HandlerFunc(count), another).StatusCode != http.StatusOK {
					t.Error("another request has no session within a Handler of its own")
				}
			}))
			fetchHijacked(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				r.AddCookie(&http.Cookie{Name: ann.cookie.Name, Value: ann.ticket()})
				begin(r)
				site.ServeHTTP(w, r)
			}))
			if n, _ := read(v, counter); n != 2 {
				t.Errorf("counter %d of the other request's visitor, want 2", n)
			}
			if _, ok := read(ann, counter); ok {
				t.Error("it counted for whom the connection began with")
			}
		})
	}
}

func TestASocketFindsItsSession(t *testing.T) {
	t.Parallel()
	v := newEnv(t).seed(count)
	v.hijacked(t, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		hijack(t, w)
		if found, err := v.m.FromContext(r.Context()); found != s || err != nil {
			t.Errorf("found %v, %v", found, err)
		}
	})
}
