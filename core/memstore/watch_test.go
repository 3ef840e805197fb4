package memstore

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestWatchReportsToEachOfThoseWhoWatchAndThenLeavesNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := New(Options{})
		var ids []string
		for range 3 {
			id := randomID()
			if err := s.Create(t.Context(), id, record(time.Hour)); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, id)
		}
		ctx, cancel := context.WithCancel(t.Context())
		told, ended := make([][]string, 2), make(chan error)
		for n := range told {
			go func() {
				ended <- s.Watch(ctx, func(id string) { told[n] = append(told[n], id) })
			}()
		}
		synctest.Wait()
		for _, id := range ids {
			if err := s.Delete(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		cancel()
		for range told {
			if err := <-ended; !errors.Is(err, context.Canceled) {
				t.Errorf("Watch: %v", err)
			}
		}
		if err := s.Create(t.Context(), ids[0], record(time.Hour)); err != nil {
			t.Fatal(err)
		}
		if err := s.Delete(t.Context(), ids[0]); err != nil {
			t.Fatal(err)
		}
		for _, got := range told {
			if want := append([]string{""}, ids...); !slices.Equal(got, want) {
				t.Errorf("told %v, want %v", got, want)
			}
		}
		if len(s.watches.all) > 0 || s.watches.some.Load() {
			t.Error("somebody is told still")
		}
	})
}
