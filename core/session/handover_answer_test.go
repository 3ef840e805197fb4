package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestATimeoutHandlerSignsNobodyOut has one outside of the Manager's Handler, which
// answers 503 while the handler goes on. The visitor is as before, and has all that
// was there, and changes that need no ticket are saved.
func TestATimeoutHandlerSignsNobodyOut(t *testing.T) {
	t.Parallel()
	for _, m := range moves {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			e := newEnv(t)
			over := make(chan struct{})
			inner := routes(e.m, map[string]handler{"/move": func(w http.ResponseWriter, r *http.Request, s *session.Session) {
				m.make(w, r, s)
				<-r.Context().Done() // the timeout
			}})
			outer := http.NewServeMux()
			outer.Handle("/", inner)
			outer.Handle("/move", http.TimeoutHandler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				defer close(over)
				inner.ServeHTTP(w, r)
			}), 20*time.Millisecond, "too slow"))
			s := newWebsite(t, e, outer, false)
			s.get("/buy")
			who := ""
			if m.name != "a first login" {
				who = "ann"
				s.get("/login")
				s.want(who)
			}
			if status, body := s.get("/move"); status != http.StatusServiceUnavailable || body != "too slow" {
				t.Errorf("status %d, %q", status, body)
			}
			<-over
			s.want(who)
			s.get("/login")
			s.want("ann")
		})
	}
}

// TestAChangeAfterATimeoutIsLogged has a TimeoutHandler inside the Manager's Handler: the
// answer has left when the handler makes its change.
func TestAChangeAfterATimeoutIsLogged(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	answered, over := make(chan struct{}), make(chan struct{})
	var commit error
	slow := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		defer close(over)
		s, err := e.m.Get(r)
		if err != nil {
			t.Error(err)
			return
		}
		<-answered
		counter.Set(s, 7)
		s.Authenticate("ann")
		commit = s.Commit(context.WithoutCancel(r.Context()))
	})
	mux := routes(e.m, nil)
	mux.Handle("/slow", e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, _ *session.Session) { // it is loaded in any case
		http.TimeoutHandler(slow, 20*time.Millisecond, "too slow").ServeHTTP(w, r)
	}))
	s := newWebsite(t, e, mux, false)
	s.get("/buy")
	if status, _ := s.get("/slow"); status != http.StatusServiceUnavailable {
		t.Errorf("status %d", status)
	}
	close(answered)
	<-over
	if !errors.Is(commit, session.ErrHeaderSent) {
		t.Errorf("a login after the answer: %v, want ErrHeaderSent", commit)
	}
	if !strings.Contains(e.logs.String(), "changed after the handler has returned") {
		t.Errorf("the log says nothing of it:\n%s", e.logs)
	}
	s.want("")
}

// TestTwoManagersWithOneCookieAreAnError nests them on one request. Which of the two
// would have the ticket?
func TestTwoManagersWithOneCookieAreAnError(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	other := e.manager(e.store)
	var failed error
	answer := newBrowser(e).do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		fillCart(w, r, s)
		other.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, failed = other.Get(r)
			other.Fail(w, r, failed)
		})).ServeHTTP(w, r)
	})
	if !errors.Is(failed, session.ErrInvalid) {
		t.Errorf("the second Manager's session: %v, want ErrInvalid", failed)
	}
	if got := answer.Header["Set-Cookie"]; len(got) > 1 {
		t.Errorf("%d cookies of one name: %q", len(got), got)
	}
	wantStatus(t, answer, http.StatusInternalServerError)
	if !strings.Contains(e.logs.String(), "another Manager of this request has the same cookie") {
		t.Errorf("the log says nothing of it:\n%s", e.logs)
	}
}

// TestAPostFromAnotherSiteReplacesNoLogin has a payment provider send the visitor back
// with a form: the browser keeps the Lax cookie back.
func TestAPostFromAnotherSiteReplacesNoLogin(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	for what, page := range pages {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/paid", http.NoBody)
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		r.Header.Set("Sec-Fetch-Mode", "navigate")
		r.Header.Set("Sec-Fetch-Dest", "document")
		res := b.send(r, page)
		wantStatus(t, res, http.StatusOK)
		if offers(res) {
			t.Errorf("a page that %s replaces the login's cookie", what)
		}
		b.take(res)
		b.wantSignedIn()
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/signed-in-elsewhere", http.NoBody)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if !offers(b.send(r, authenticate)) {
		t.Error("who signs in by a form of an identity provider gets no ticket")
	}
}

// Nobody has ended that session.
func TestAChangeInAPostFromAnotherSiteIsToldAsThat(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/paid", http.NoBody)
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	member(e).send(r, func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if err := s.Commit(r.Context()); !errors.Is(err, session.ErrNotFound) || !strings.Contains(err.Error(), "another site") {
			t.Errorf("Commit: %v, want ErrNotFound because of another site", err)
		}
	})
	if log := e.logs.String(); !strings.Contains(log, "another site") || strings.Contains(log, "ended meanwhile") {
		t.Errorf("logged %q, want that the request is of another site", log)
	}
}

// TestAManagerThatSkipsARequestIsNobodysRival has two with one cookie, of which one is
// for some paths and the other for the rest.
func TestAManagerThatSkipsARequestIsNobodysRival(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	b := member(e)
	elsewhere := e.manager(e.store, skipping(func(*http.Request) bool { return true }))
	for _, outer := range []bool{true, false} {
		who := ""
		page := e.m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { who = s.Subject() })
		site := elsewhere.Handler(page)
		if !outer {
			site = e.m.Handler(elsewhere.Handler(page))
		}
		w := httptest.NewRecorder()
		site.ServeHTTP(w, b.request(t.Context()))
		if wantStatus(t, w.Result(), http.StatusOK); who != "ann" {
			t.Errorf("skipped by the outer one %v: signed in as %q", outer, who)
		}
	}
}
