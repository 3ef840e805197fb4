package session_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// TestAFormThatABrowserGivesUpOnARealServer has a visitor who clicks again while the
// server is still at work. It notices that the first connection, or stream, is gone,
// before or after it has saved what it has done.
func TestAFormThatABrowserGivesUpOnARealServer(t *testing.T) {
	t.Parallel()
	for _, http2 := range []bool{false, true} {
		for _, saved := range []bool{false, true} {
			for _, m := range moves {
				t.Run(fmt.Sprintf("%s, HTTP/2 %v, saved %v", m.name, http2, saved), func(t *testing.T) {
					t.Parallel()
					givenUp(t, m, http2, saved)
				})
			}
		}
	}
}

func givenUp(t *testing.T, m move, http2, saved bool) {
	t.Helper()
	e := newEnv(t)
	arrived, left, over := make(chan struct{}, 1), make(chan struct{}), make(chan struct{})
	slow := func(w http.ResponseWriter, r *http.Request, s *session.Session) {
		if saved {
			m.make(w, r, s)
			if err := s.Commit(r.Context()); err != nil {
				t.Error(err)
			}
		}
		arrived <- struct{}{}
		<-r.Context().Done()
		if !saved {
			m.make(w, r, s)
		}
	}
	mux := routes(e.m, map[string]handler{"/move": m.make})
	mux.HandleFunc("/slow", func(w http.ResponseWriter, r *http.Request) {
		defer close(over)
		e.m.HandlerFunc(slow).ServeHTTP(w, r)
	})
	s := newWebsite(t, e, mux, http2)
	s.get("/buy")
	if m.name != "a first login" {
		s.get("/login")
		s.want("ann")
	}
	ctx, giveUp := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, s.server.URL+"/slow", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(left)
		res, err := s.client.Do(r)
		if err == nil {
			_ = res.Body.Close() // it should not be there
		}
		if !errors.Is(err, context.Canceled) {
			t.Errorf("the request that was given up: %v", err)
		}
	}()
	<-arrived
	giveUp()
	<-left
	if status, _ := s.get("/move"); status != http.StatusOK {
		t.Errorf("the second click: status %d", status)
	}
	s.want("ann")
	<-over
	s.want("ann")
}
