package memstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// pass lets time go by in a bubble.
func pass(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

func TestPruneRemovesWhatHasExpiredAndNothingElse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		fill(t, s, 1000, time.Minute)
		fill(t, s, 500, time.Hour)
		pass(time.Minute - 1)
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("1 ns early: pruned %d, %v", n, err)
		}
		pass(1)
		if n, err := s.Prune(t.Context()); n != 1000 || err != nil {
			t.Errorf("pruned %d, %v, want 1000", n, err)
		}
		if n := held(t, s); n != 500 {
			t.Errorf("%d records left, want 500", n)
		}
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("again: pruned %d, %v", n, err)
		}
	})
}

// Prune is to look at what has expired, and at the first live record of each
// shard. With all others made unusable it must still work.
func TestTheCostOfPruneDoesNotGrowWithLiveRecords(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		fill(t, s, 100_000, time.Hour)
		for i := range s.shards {
			sh := &s.shards[i]
			for j := 1; j < len(sh.expiry); j++ {
				sh.expiry[j] = -1 // looking at it panics
			}
		}
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Errorf("pruned %d, %v", n, err)
		}
	})
}

func TestWritesAloneKeepExpiredRecordsFromPilingUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		const n = 10_000
		fill(t, s, n, time.Minute)
		for round := range 5 {
			pass(time.Minute)
			fill(t, s, n, time.Minute)
			if got := held(t, s); got > n+n/20 {
				t.Fatalf("round %d: %d records are held, of which %d are live", round, got, n)
			}
		}
	})
}

func TestAWriteRemovesAFewExpiredRecordsOnly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		fill(t, s, 1000, time.Minute)
		pass(time.Minute)
		fill(t, s, 1, time.Minute)
		if got := held(t, s); got < 1001-expiredPerWrite {
			t.Errorf("one write removed %d records", 1001-got)
		}
	})
}

func TestPruneStopsWhenItsContextIsDone(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := New(Options{}).Prune(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("pruned %d, %v", n, err)
	}
}

func TestAnExpiredRecordIsGoneBeforeItIsRemoved(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		id, r := randomID(), record(time.Minute)
		r.Subject = "ann"
		if err := s.Create(t.Context(), id, r); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if _, err := s.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Load: %v", err)
		}
		next := record(time.Minute)
		next.Version = 2
		if err := s.Update(t.Context(), id, 1, next); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Update: %v", err)
		}
		if err := s.Touch(t.Context(), id, 1, next.Expires); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Touch: %v", err)
		}
		if entries, err := s.ListSubject(t.Context(), "ann"); err != nil || len(entries) != 0 {
			t.Errorf("ListSubject: %v, %v", entries, err)
		}
		if err := s.Create(t.Context(), id, next); err != nil {
			t.Errorf("Create: %v", err)
		}
		if n := indexed(s); n != 0 {
			t.Errorf("%d entries in the index, want none: the new record has no subject", n)
		}
		if n := held(t, s); n != 1 {
			t.Errorf("%d records, want 1", n)
		}
	})
}

func TestTouchMovesARecordInTheHeap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		fill(t, s, 1000, time.Hour)
		id := randomID()
		if err := s.Create(t.Context(), id, record(24*time.Hour)); err != nil {
			t.Fatal(err)
		}
		for _, life := range []time.Duration{time.Minute, 48 * time.Hour, time.Second} {
			if err := s.Touch(t.Context(), id, 1, time.Now().Add(life)); err != nil {
				t.Fatal(err)
			}
			held(t, s)
		}
		pass(time.Second)
		if n, err := s.Prune(t.Context()); n != 1 || err != nil {
			t.Errorf("pruned %d, %v, want 1", n, err)
		}
	})
}
