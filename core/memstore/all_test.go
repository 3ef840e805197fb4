package memstore

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestDeleteAllDeletesEveryBatchAndCountsWhatLives(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		const live = 20_000 // more than a batch in a shard
		fill(t, s, 1000, time.Minute)
		fill(t, s, live, time.Hour)
		r := record(time.Hour)
		r.Subject = "ann"
		if err := s.Create(t.Context(), randomID(), r); err != nil {
			t.Fatal(err)
		}
		pass(time.Minute)
		if n, err := s.DeleteAll(t.Context()); n != live+1 || err != nil {
			t.Errorf("deleted %d, %v, want %d", n, err, live+1)
		}
		if held(t, s) != 0 || indexed(s) != 0 {
			t.Errorf("%d records and %d entries left", held(t, s), indexed(s))
		}
	})
}

func TestDeleteAllStopsWhenItsContextIsDone(t *testing.T) {
	t.Parallel()
	s := New(Options{})
	fill(t, s, 1, time.Hour)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if n, err := s.DeleteAll(ctx); n != 0 || !errors.Is(err, context.Canceled) {
		t.Errorf("deleted %d, %v", n, err)
	}
	if held(t, s) != 1 {
		t.Error("the record is gone")
	}
}
