package simulate_test

import (
	"slices"
	"time"
)

// What surely holds and what possibly does, of sessions and tickets.

// Bounds of the options, which may differ between servers.
func (j *judge) least(f func(o *server) time.Duration) time.Duration {
	least := f(j.w.servers[0])
	for _, s := range j.w.servers {
		least = min(least, f(s))
	}
	return least
}

func (j *judge) most(f func(o *server) time.Duration) time.Duration {
	return -j.least(func(s *server) time.Duration { return -f(s) })
}

func idle(s *server) time.Duration     { return s.options.IdleTimeout }
func absolute(s *server) time.Duration { return s.options.AbsoluteTimeout }

// surelyAlive reports whether a session can't be over yet.
func (j *judge) surelyAlive(l *life) bool {
	alive := l.mayEnd == 0 && l.ended == 0 && !l.damaged && j.inTime(l)
	if alive && l.own != nil {
		return j.firstTicketAge(l) < actLife-time.Second && j.surelyAlive(l.own)
	}
	return alive
}

// inTime reports whether no timeout can be over yet.
func (j *judge) inTime(l *life) bool {
	least := j.leastIdle(l)
	age := j.least(absolute)
	if l.remembered() {
		age = min(age, remembered)
	}
	early := least/10 + j.w.plan.apart // TouchInterval: reading does not extend it by less
	return time.Since(l.used) < least-early && j.firstTicketAge(l) < age-early
}

// firstTicketAge is how long a session has been running at most.
func (j *judge) firstTicketAge(l *life) time.Duration {
	var age time.Duration
	for _, t := range j.tickets {
		if t.life == l {
			age = max(age, time.Since(t.begun))
		}
	}
	return age
}

func (j *judge) possiblyAlive(l *life) bool {
	return l.ended == 0 && time.Since(l.usedAtMost) < j.mostIdle(l)+j.w.plan.apart
}

// absoluteAt bounds the absolute timeout of a session on a server.
func (s *server) absoluteAt(l *life) time.Duration {
	if l.remembered() {
		return max(absolute(s), remembered)
	}
	return absolute(s)
}

// remembered reports whether a login has possibly a lifetime of its own.
func (l *life) remembered() bool {
	return slices.ContainsFunc(l.logins, func(a *act) bool { return a.remembered && !a.failed })
}

// leastIdle and mostIdle bound the idle timeout of a session.
func (j *judge) leastIdle(l *life) time.Duration {
	if len(l.idles) > 0 {
		return min(shortIdle, j.least(idle))
	}
	return j.least(idle)
}

func (j *judge) mostIdle(l *life) time.Duration {
	for _, a := range l.idles {
		other := slices.ContainsFunc(l.logins, func(o *act) bool { return !o.failed && o != a.of })
		if a.acked > 0 && !other { // else another login's ticket, with the usual timeout, may keep the session
			return shortIdle
		}
	}
	if l.remembered() {
		return max(j.most(idle), remembered)
	}
	return j.most(idle)
}

// unused reports whether the time of a ticket that nobody has presented is possibly
// over, although another one keeps the session.
func (j *judge) unused(t *ticket) bool {
	least := j.leastIdle(t.life)
	return !t.seen && time.Since(t.handed) >= least-least/10-j.w.plan.apart
}

// mayBeRetired reports whether a newer ticket of its session has possibly retired a
// ticket.
func (j *judge) mayBeRetired(t *ticket) bool {
	for _, o := range j.tickets {
		if o.no > t.no && o.home() == t.home() && o.presented {
			return true
		}
	}
	return false
}

// late reports whether the grace of a request's ticket is possibly over, if the ticket
// was retired after the request was sent. Clocks that are apart leave none.
func (j *judge) late(q *request) bool {
	t := j.shown(q)
	return time.Since(q.sent) >= renewGrace-time.Second || j.w.plan.apart > 0 && t != nil && j.mayBeRetired(t)
}

// mayBeLost reports whether a session's login is possibly taken for lost.
func (j *judge) mayBeLost(l *life) bool { return j.unseenFor(l) >= lasting-j.w.plan.apart }

// home returns the session in whose list a ticket is.
func (t *ticket) home() *life {
	if t.life.own != nil {
		return t.life.own
	}
	return t.life
}

// mayHaveRetired reports whether a request has possibly brought a retired ticket.
func (j *judge) mayHaveRetired(q *request) bool {
	return slices.ContainsFunc(j.brought(q), j.mayBeRetired)
}

// mayBe reports whether a session is possibly somebody's.
func (l *life) mayBe(subject string) bool {
	if l.own != nil {
		return l.as == subject
	}
	for _, a := range l.logins {
		if !a.failed && a.subject == subject {
			return true
		}
	}
	return false
}

// loggedIn returns the step at which somebody had surely signed in, or 0.
func (l *life) loggedIn() int {
	for _, a := range l.logins {
		if a.acked > 0 && a.life == l {
			return a.acked
		}
	}
	return 0
}

// mayBeLoggedIn reports whether somebody has possibly signed in.
func (l *life) mayBeLoggedIn() bool {
	if l.own != nil {
		return true
	}
	for _, a := range l.logins {
		if !a.failed {
			return true
		}
	}
	return false
}

func (l *life) subject() string {
	if l.own != nil {
		return l.as
	}
	for _, a := range l.logins {
		if a.acked > 0 && a.life == l {
			return a.subject
		}
	}
	return ""
}

// mayEndNow notes that a session may be over from now on.
func (j *judge) mayEndNow(l *life, by string) {
	if l.mayEnd == 0 {
		l.mayEnd = j.w.step
	}
	if !slices.Contains(l.mayEndBy, by) {
		l.mayEndBy = append(l.mayEndBy, by)
	}
}

func (j *judge) endedNow(l *life, by string) {
	j.mayEndNow(l, by)
	if l.ended == 0 {
		l.ended, l.endedAt = j.w.step, time.Now()
	}
}

// excused reports whether a request may be answered with "not now".
func (q *request) excused() bool {
	return q.task.faults > 0 || q.gone || q.task.waited > 3*time.Second || q.behind
}
