package memcachestore

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestExpirationIsNeverEarly(t *testing.T) {
	t.Parallel()
	const month = 30 * 24 * time.Hour
	synctest.Test(t, func(t *testing.T) {
		now := time.Now().Unix() // a whole second, in a bubble
		for left, want := range map[time.Duration]int64{
			-time.Hour:           1, // at once; 0 would be never
			0:                    1,
			1:                    2,
			time.Second:          2,
			time.Second + 1:      3,
			month - time.Second:  2_592_000,
			month - 1:            now + 2_592_001,
			month:                now + 2_592_002,
			month + time.Second:  now + 2_592_003,
			400 * 24 * time.Hour: now + 400*24*3600 + 2,
		} {
			if got := expiration(time.Now().Add(left)); int64(got) != want {
				t.Errorf("expiration in %v is %d, want %d", left, got, want)
			}
		}
	})
	if got := expiration(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)); got != 0 {
		t.Errorf("expiration in the year 2100 is %d, want 0: never", got)
	}
}
