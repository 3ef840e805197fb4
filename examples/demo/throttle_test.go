package main

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAThrottleGivesABurstAndThenOneInAWhile(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		th := newThrottle(3, time.Minute)
		for i := range 3 {
			if wait := th.take("a"); wait != 0 {
				t.Fatalf("attempt %d has to wait %v", i, wait)
			}
		}
		if wait := th.take("a"); wait != time.Minute {
			t.Errorf("wait %v, want 1m", wait)
		}
		time.Sleep(time.Minute - time.Nanosecond) //nolint:forbidigo // fake time
		if wait := th.take("a"); wait != time.Nanosecond {
			t.Errorf("wait %v, want 1ns", wait)
		}
		time.Sleep(time.Nanosecond) //nolint:forbidigo // fake time
		if wait := th.take("a"); wait != 0 {
			t.Errorf("wait %v, want none", wait)
		}
		th.give("a")
		if wait := th.take("a"); wait != 0 {
			t.Errorf("what was given back is not there: wait %v", wait)
		}
		time.Sleep(time.Hour) //nolint:forbidigo // fake time
		for range 3 {
			th.take("a")
		}
		if wait := th.take("a"); wait == 0 {
			t.Error("an hour of patience allows more than a burst")
		}
	})
}
