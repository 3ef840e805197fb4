package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/memstore"
	"github.com/cloakroom-go/cloakroom/core/session"
)

func TestEndEverybodyEndsAllSessions(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	e.m = e.manager(e.mem)
	visitors := []*visitor{e.login("ann", count), e.login("ann", count), e.login("bob", count), e.seed(count)}
	if n, err := e.m.EndEverybody(t.Context()); n != len(visitors) || err != nil {
		t.Errorf("EndEverybody: %d, %v, want %d", n, err, len(visitors))
	}
	for i, v := range visitors {
		if alive(v) {
			t.Errorf("session %d lives on", i)
		}
	}
	if n, err := e.m.EndEverybody(t.Context()); n != 0 || err != nil {
		t.Errorf("EndEverybody of nothing: %d, %v", n, err)
	}
}

// A deletingStore does in the place of DeleteAll what a test says.
type deletingStore struct {
	*memstore.Store

	deleteAll func(context.Context) (int, error)
}

func (s *deletingStore) DeleteAll(ctx context.Context) (int, error) { return s.deleteAll(ctx) }

// A backend may need longer than a request may wait.
func TestEndEverybodyGoesOnForAsLongAsSessionsEnd(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		var left, stalled int
		store := &deletingStore{Store: e.mem}
		store.deleteAll = func(ctx context.Context) (n int, err error) {
			for ; left > 0; left-- {
				if ctx.Err() != nil || left == stalled {
					<-ctx.Done()
					return n, fmt.Errorf("teststore: %w", ctx.Err())
				}
				n++
				<-time.After(time.Second)
			}
			return n, nil
		}
		m := e.manager(store)
		left = 12
		if n, err := m.EndEverybody(t.Context()); n != 12 || err != nil {
			t.Errorf("%d sessions ended, %v, want 12", n, err)
		}
		left, stalled = 12, 3
		start := time.Now()
		n, err := m.EndEverybody(t.Context())
		if took := time.Since(start); n != 9 || !errors.Is(err, context.DeadlineExceeded) || took > 10*time.Minute {
			t.Errorf("of a store that stalls: %d sessions ended, %v, after %v", n, err, took)
		}
		left, stalled = 12, 0
		ctx, cancel := context.WithTimeout(t.Context(), 7*time.Second)
		defer cancel()
		if n, err := m.EndEverybody(ctx); n != 7 && n != 8 || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("with a time of its own: %d sessions ended, %v", n, err)
		}
	})
}

// A store that has to look at much else besides sessions begins anew with each call. And
// people sign in meanwhile.
func TestEndEverybodyComesToTheEndOfABackendThatHoldsMuchElse(t *testing.T) {
	t.Parallel()
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			e := newEnv(t)
			sessions := map[int]bool{0: true, 29: true}
			m := e.manager(&deletingStore{Store: e.mem, deleteAll: func(ctx context.Context) (n int, err error) {
				sessions[0] = sessions[0] || busy
				for place := range 30 {
					select {
					case <-time.After(time.Second):
					case <-ctx.Done():
						return n, fmt.Errorf("teststore: %w", ctx.Err())
					}
					if sessions[place] {
						n++
						delete(sessions, place)
					}
				}
				return n, nil
			}})
			ctx, cancel := context.WithTimeout(t.Context(), 10*time.Minute)
			defer cancel()
			if _, err := m.EndEverybody(ctx); err != nil || sessions[29] {
				t.Errorf("somebody signs in meanwhile: %v; EndEverybody: %v, a session is left: %v", busy, err, sessions[29])
			}
		})
	}
}

func TestAFailureOfEndEverybodyIsReportedWithWhatHasEnded(t *testing.T) {
	t.Parallel()
	var d diary
	e := newEnv(t)
	store := &deletingStore{Store: e.mem, deleteAll: func(context.Context) (int, error) { return 1, errDown }}
	e.m = e.manager(store, d.keep)
	if n, err := e.m.EndEverybody(t.Context()); n != 1 || !errors.Is(err, errDown) {
		t.Errorf("EndEverybody: %d, %v, want 1 and the store's error", n, err)
	}
	if got := d.taken(); len(got) != 1 || got[0].Kind != session.EventStoreError {
		t.Errorf("told %+v, want a store error", got)
	}
}
