package session_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestEndlessConflictsEndWithStoreTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		v := e.seed(count)
		e.store.fail(sessionstore.ErrConflict, opUpdate)
		start := time.Now()
		wantOutage(t, v.do(count))
		if took := time.Since(start); took != session.DefaultStoreTimeout {
			t.Errorf("gave up after %v, want %v", took, session.DefaultStoreTimeout)
		}
		if calls := e.store.taken(); calls[opUpdate] > 1000 {
			t.Errorf("%d attempts: there is no pause between them", calls[opUpdate])
		}
	})
}

// A write that finds no record asks for it again: the session has ended.
func TestChangesToASessionThatTheStoreHasLostAreDropped(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	res := v.do(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		count(w, r, s)
		if err := e.mem.Delete(r.Context(), v.id()); err != nil {
			t.Error(err)
		}
	})
	wantStatus(t, res, http.StatusOK)
	wantNoCookie(t, res)
	if alive(v) {
		t.Error("the session has come back")
	}
}

func TestAClientThatDisconnectsLosesNoChange(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	v := e.seed(count)
	entered, gone, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer close(done)
		e.m.HandlerFunc(func(w http.ResponseWriter, r *http.Request, s *session.Session) {
			close(entered)
			<-r.Context().Done()
			<-gone
			count(w, r, s)
		}).ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, server.URL, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.AddCookie(v.cookie)
	go func() {
		<-entered
		cancel()
		close(gone)
	}()
	if res, err := server.Client().Do(r); !errors.Is(err, context.Canceled) {
		if err == nil {
			_ = res.Body.Close() // the test has failed anyway
		}
		t.Fatalf("got %v, want a cancelled request", err)
	}
	<-done
	if n, _ := read(v, counter); n != 2 {
		t.Errorf("counter %d, want 2", n)
	}
}
