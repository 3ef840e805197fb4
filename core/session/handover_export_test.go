package session

import (
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Shift returns a record as a process sees it whose clock is behind by d: all times
// in it are later.
func Shift(r sessionstore.Record, d time.Duration) (sessionstore.Record, error) {
	st, err := decodeState(r)
	if err != nil {
		return r, err
	}
	shift := func(t *time.Time) {
		if !t.IsZero() {
			*t = t.Add(d)
		}
	}
	for i := range st.tickets {
		e := &st.tickets[i]
		e.steps = slices.Clone(e.steps)
		for j := range e.steps {
			shift(&e.steps[j].until)
		}
		for _, t := range []*time.Time{&e.at, &e.retired, &e.started, &e.authenticated, &e.deadline, &e.until} {
			shift(t)
		}
	}
	for i := range st.leases {
		shift(&st.leases[i].from)
		shift(&st.leases[i].until)
	}
	for _, t := range []*time.Time{&st.aged, &st.place, &r.Expires} {
		shift(t)
	}
	r.Data = st.encode()
	return r, nil
}
