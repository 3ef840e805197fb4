package session

import (
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Leases returns how many a record that is not sealed has.
func Leases(r sessionstore.Record) int {
	st, err := decodeState(r)
	if err != nil {
		return -1
	}
	return len(st.leases)
}

// Clocks may be five minutes apart: a lease's own times count only when it was over long
// ago. Else who waits measures for how long they have seen it.
func TestWhenALeaseIsFree(t *testing.T) {
	t.Parallel()
	const limit = 10 * time.Second
	now := time.Now()
	of := func(holder uint64, from time.Duration) lease {
		return lease{"name", holder, now.Add(from), now.Add(from + limit)}
	}
	for name, c := range map[string]struct {
		lease lease
		want  bool
	}{
		"nobody's":                              {lease{}, true},
		"one's own":                             {of(1, 0), true},
		"another's, seen for its whole time":    {of(2, 0), true},
		"likewise, by a clock that is ahead":    {of(2, 5*time.Minute), true},
		"likewise, by a clock that is behind":   {of(2, -5*time.Minute), true},
		"another's, seen for too short a time":  {of(3, 0), false},
		"of a third, never seen":                {of(4, 0), false},
		"of a third, by a clock that is ahead":  {of(4, 5*time.Minute), false},
		"of a third, by a clock that is behind": {of(4, -5*time.Minute), false},
		"of a process that died long ago":       {of(4, -5*time.Minute-limit-1), true},
	} {
		turn := turn{holder: 1, other: 2, since: now.Add(-limit)}
		if c.lease.holder == 3 {
			turn.other, turn.since = 3, now.Add(1-limit)
		}
		if got := turn.free(c.lease, now); got != c.want {
			t.Errorf("%s: free %v, want %v", name, got, c.want)
		}
	}
}

// What crashes have left does not stay in the record for ever.
func TestLeasesOfLongAgoGo(t *testing.T) {
	t.Parallel()
	var st state
	for n := range 100 {
		from := start.Add(time.Duration(n) * time.Minute)
		st.hold(lease{string(rune('a' + n)), 1, from, from.Add(time.Second)})
	}
	if len(st.leases) > 6 {
		t.Errorf("%d leases", len(st.leases))
	}
}
