package session_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A pruningStore counts Prune, and fails it every other time.
type pruningStore struct {
	*faultyStore

	prunes []time.Time
}

func (s *pruningStore) Prune(context.Context) (int, error) {
	s.prunes = append(s.prunes, time.Now())
	if len(s.prunes)%2 == 0 {
		return 0, errDown
	}
	return 1, nil
}

func TestRunPrunerPrunesUntilItsContextIsDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		e := newEnv(t)
		store := &pruningStore{faultyStore: e.store}
		m := e.manager(store)
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 24*time.Hour)
		defer cancel()
		if err := m.RunPruner(ctx, time.Hour); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("RunPruner returned %v", err)
		}
		if n := len(store.prunes); n < 22 || n > 27 {
			t.Fatalf("pruned %d times in a day", n)
		}
		if first := store.prunes[0].Sub(start); first > 12*time.Minute {
			t.Errorf("the first time after %v", first)
		}
		different := false
		for i, at := range store.prunes[1:] {
			pause := at.Sub(store.prunes[i])
			if pause < 54*time.Minute || pause > 66*time.Minute {
				t.Errorf("a pause of %v", pause)
			}
			different = different || pause != time.Hour
		}
		if !different {
			t.Error("no jitter")
		}
		if !strings.Contains(e.logs.String(), errDown.Error()) {
			t.Error("a failure was not logged")
		}
	})
}

func TestRunPrunerRefusesWhatItCanNotDo(t *testing.T) {
	t.Parallel()
	e := newEnv(t)
	if err := e.manager(plainStore{e.store}).RunPruner(t.Context(), time.Hour); !errors.Is(err, session.ErrUnsupported) {
		t.Errorf("no Pruner: %v", err)
	}
	for _, every := range []time.Duration{0, -1} {
		if err := e.manager(&pruningStore{faultyStore: e.store}).RunPruner(t.Context(), every); !errors.Is(err, session.ErrInvalid) {
			t.Errorf("every %v: %v", every, err)
		}
	}
}
