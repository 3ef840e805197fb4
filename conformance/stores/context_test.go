package stores_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A stream in one process learns that another has ended its session.
func TestAStreamLearnsOfTheEndOnEveryStore(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		o := lifeOptions()
		o.WatchEvery = 50 * time.Millisecond
		one, two := manager(t, store, o), manager(t, store, o)
		_, cookie := login(t, one, subject())
		over := stream(t, one, cookie)
		select {
		case why := <-over:
			t.Errorf("the stream ends because of %v", why)
		case <-time.After(4 * o.WatchEvery):
		}
		send(t, two, cookie, func(_ context.Context, s *session.Session) { s.Destroy() })
		if why := <-over; !errors.Is(why, session.ErrNotFound) {
			t.Errorf("the stream ends because of %v, want ErrNotFound", why)
		}
	})
}

// stream starts a request that waits for the end of its session, and returns what tells
// why it has ended.
func stream(t *testing.T, m *session.Manager, cookie *http.Cookie) <-chan error {
	t.Helper()
	listens, over := make(chan struct{}), make(chan error, 1)
	go func() {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel() // as net/http does when a handler returns
		var cause error
		r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		r.AddCookie(cookie)
		m.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) {
			watched := s.WatchContext()
			close(listens)
			<-watched.Done()
			cause = context.Cause(watched)
		}).ServeHTTP(httptest.NewRecorder(), r)
		over <- cause
	}()
	<-listens
	return over
}
