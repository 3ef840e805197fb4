package stores_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// TestOTelSeesASessionsLife runs a Manager that is observed in full.
func TestOTelSeesASessionsLife(t *testing.T) {
	t.Parallel()
	x := newTelemetry()
	store := &outage{Store: memstore.New(memstore.Options{})}
	sessions, err := session.New(x.wrap(t, store), session.Options{
		Keys:    [][]byte{session.GenerateKey()},
		Logger:  slog.New(slog.DiscardHandler),
		OnEvent: x.hook(t),
	})
	if err != nil {
		t.Fatal(err)
	}
	var cookie *http.Cookie
	request := func(f func(*session.Session)) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody)
		if cookie != nil {
			r.AddCookie(cookie)
		}
		w := httptest.NewRecorder()
		sessions.HandlerFunc(func(_ http.ResponseWriter, _ *http.Request, s *session.Session) { f(s) }).ServeHTTP(w, r)
		for _, c := range w.Result().Cookies() {
			cookie = &http.Cookie{Name: c.Name, Value: c.Value}
		}
	}
	visits := session.NewKey[int]("visits")
	request(func(s *session.Session) { visits.Set(s, 1) })
	request(func(s *session.Session) { s.Authenticate(secretSubject) })
	store.down = true
	request(func(*session.Session) { t.Error("a session was loaded from a store that is down") })
	store.down = false
	request(func(s *session.Session) { s.Destroy() })

	got := x.events(t)
	for _, want := range []string{
		"session.event=created",
		"session.event=authenticated",
		"error.type=_OTHER session.event=store_error",
		"session.end.reason=destroyed session.event=ended",
	} {
		if got[want] != 1 {
			t.Errorf("%s was counted %d times, want once, among %v", want, got[want], got)
		}
	}
	if loads := x.durations(t)["error.type=_OTHER store.operation=load store.outcome=error"]; loads != 1 {
		t.Errorf("%d failed loads, want 1", loads)
	}
	x.wantNoSecret(t)
}

// An outage is a store that can't load while it is down.
type outage struct {
	sessionstore.Store

	down bool
}

func (s *outage) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if s.down {
		return sessionstore.Record{}, errors.New("outage: " + id)
	}
	return s.Store.Load(ctx, id)
}
