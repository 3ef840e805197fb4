package simulate_test

import (
	"errors"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// dropsBanked notes which tickets nobody has taken for so long that a write with
// another one makes them worthless.
func (j *judge) dropsBanked(q *request, l *life) {
	with := j.shown(q)
	if with == nil || q.older != "" || with.life != l || q.first.id != l.id || q.excused() || j.mayBeRetired(with) {
		return
	}
	for _, t := range j.tickets {
		if t.life == l && t != with && !t.presented && t.dropped == 0 && q.loaded.Sub(t.handed) > lasting+j.w.plan.apart {
			t.dropped = j.w.step
		}
	}
}

// expired judges that a browser forgets no cookie before its session is over.
func (j *judge) expired(c *client) {
	t := j.tickets[c.ticket]
	if t != nil && c.plan.thief == honest && j.surelyAlive(t.life) && !j.unused(t) {
		j.violatedf("signed out", "the cookie of %s has expired, and its session lives", c.name)
	}
}

// reloaded judges what a request sees when it looks again.
func (j *judge) reloaded(q *request, began int, see seen, err error) {
	t, l := j.shown(q), j.byID[see.id]
	if handed, _ := q.handedOut(); handed != "" {
		t = j.tickets[handed] // which it holds from then on
	}
	switch {
	case errors.Is(err, session.ErrRetired):
		if !j.mayHaveRetired(q) {
			j.violatedf("refused", "%s can't reload: %v", q.name(), err)
		}
	case errors.Is(err, session.ErrNotFound):
		if !j.mayBeQuiet(q) && !q.excused() {
			j.violatedf("signed out", "%s can't reload: %v", q.name(), err)
		}
	case err != nil:
		if !q.excused() {
			j.violatedf("outage", "%s can't reload: %v", q.name(), err)
		}
	case l == nil || t == nil || t.life != l:
	case l.ended > 0 && l.ended < began:
		j.violatedf("resurrected", "%s reloads %s, which was over (%s)", q.name(), j.w.trace.seen(see), l.mayEndBy)
	case t.retiredAt > 0 && t.retiredAt < began:
		j.violatedf("retired", "%s reloads %s with a ticket that was retired", q.name(), j.w.trace.seen(see))
	case t.proof.subject == "" && l.loggedIn() > 0 && l.loggedIn() < began:
		j.violatedf("old ticket", "%s reloads %s with a ticket from before the first login", q.name(), j.w.trace.seen(see))
	default:
		j.sees(q, see, l, began)
		l.usedAtMost = time.Now()
	}
}

var _ = slices.Contains[[]int]
