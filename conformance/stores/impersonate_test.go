package stores_test

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func wantActor(t *testing.T, m *session.Manager, cookie *http.Cookie, subject, actor string) {
	t.Helper()
	send(t, m, cookie, func(_ context.Context, s *session.Session) {
		if s.Subject() != subject || s.Actor() != actor {
			t.Errorf("subject %q, actor %q, want %q, %q", s.Subject(), s.Actor(), subject, actor)
		}
	})
}

// An administrator acts as a customer and comes back, on two processes, while requests of
// both are under way: nobody is signed out, and nothing of one account is in another.
func TestAnAdministratorActsOnEveryStore(t *testing.T) {
	t.Parallel()
	onEveryStore(t, func(t *testing.T, store sessionstore.Store) {
		t.Helper()
		o := lifeOptions()
		o.Logger = slog.New(slog.DiscardHandler)
		one, two := manager(t, store, o), manager(t, store, o)
		customer, root := subject(), subject()
		_, device := login(t, one, customer)
		_, own := login(t, one, root)
		const rounds = 5
		for range rounds {
			acting := own
			amid(t, two, own, 1, func() {
				_, acting = send(t, one, own, func(ctx context.Context, s *session.Session) {
					if err := s.Impersonate(ctx, customer, time.Minute); err != nil {
						t.Errorf("Impersonate: %v", err)
					}
				})
			})
			wantActor(t, two, acting, customer, root)
			amid(t, two, acting, 0, func() {
				_, own = send(t, one, acting, func(ctx context.Context, s *session.Session) {
					count(ctx, s)
					if err := s.StopImpersonating(ctx); err != nil {
						t.Errorf("StopImpersonating: %v", err)
					}
				})
			})
			wantActor(t, one, own, root, "")
			wantActor(t, two, acting, "", root) // its answer was lost, perhaps
		}
		send(t, two, own, func(_ context.Context, s *session.Session) {
			if n := counter.Get(s); n != rounds {
				t.Errorf("the administrator's own session counts %d, want %d", n, rounds)
			}
		})
		wantActor(t, two, device, customer, "")
		_, acting := send(t, one, own, func(ctx context.Context, s *session.Session) {
			if err := s.Impersonate(ctx, customer, time.Minute); err != nil {
				t.Errorf("Impersonate: %v", err)
			}
		})
		wantActor(t, two, acting, customer, root)
		if !unsupported(t, store) {
			wantListed(t, two, customer, 2)
			if n, err := two.EndSubject(t.Context(), customer); n != 2 || err != nil {
				t.Errorf("ended %d sessions of the customer, error %v, want 2", n, err)
			}
			wantActor(t, two, acting, "", root)
		}
		send(t, one, acting, func(_ context.Context, s *session.Session) { s.Destroy() })
		wantActor(t, two, acting, "", "")
		wantActor(t, two, own, "", "")
	})
}

// amid calls f while other requests with the same cookie are under way, of which so many
// count in the session.
func amid(t *testing.T, m *session.Manager, cookie *http.Cookie, counts int, f func()) {
	t.Helper()
	var requests sync.WaitGroup
	defer requests.Wait()
	for i := range 4 {
		requests.Go(func() {
			send(t, m, cookie, func(ctx context.Context, s *session.Session) {
				if s.Actor() == "" && i < counts {
					count(ctx, s)
				}
			})
		})
	}
	f()
}

func wantListed(t *testing.T, m *session.Manager, subject string, want int) {
	t.Helper()
	if list, err := m.List(t.Context(), subject); len(list) != want || err != nil {
		t.Errorf("%d sessions are listed, error %v, want %d", len(list), err, want)
	}
}
