package simulate_test

import (
	"fmt"
	"time"
)

// found judges what a request sees, when its handler has asked for the session.
func (j *judge) found(q *request) {
	j.atMost(q)
	j.atLeast(q)
	j.actsAtLeast(q)
	if l := j.byID[q.first.id]; l != nil {
		l.record = q.task.record
		j.sees(q, q.first, l, q.got)
		if !q.kind.passive {
			l.usedAtMost = time.Now()
			if l.own != nil {
				l.own.usedAtMost = time.Now()
			}
		}
	}
}

// atMost judges that a request sees nothing but what a ticket of its is good for.
func (j *judge) atMost(q *request) {
	see := q.first
	l := j.byID[see.id]
	if l == nil {
		if see.subject != "" || len(see.values) > 0 || see.level {
			j.violatedf("crossed", "%s sees %s, which nobody has a ticket for", q.name(), j.w.trace.seen(see))
		}
		return
	}
	found := breach{"crossed", "which is not the session of its ticket"}
	for _, t := range j.brought(q) {
		if t.life == l {
			if found = j.wrong(q, t); found == (breach{}) {
				found = j.actsAtMost(q, t)
			}
			if found == (breach{}) {
				return
			}
		}
	}
	j.violatedf(found.rule, "%s sees %s, %s", q.name(), j.w.trace.seen(see), found.text)
}

// wrong returns why a request may not see what it sees with a ticket of this session.
func (j *judge) wrong(q *request, t *ticket) breach {
	see, l, apart := q.first, t.life, j.w.plan.apart
	switch {
	case l.ended > 0 && l.ended < q.got:
		return breach{"resurrected", fmt.Sprintf("which was over (%s)", l.mayEndBy)}
	case see.subject != t.proof.subject && see.subject != "":
		return breach{"rights", fmt.Sprintf("with a ticket that is good for %q", t.proof.subject)}
	case t.proof.subject == "" && l.loggedIn() > 0 && l.loggedIn() < q.got:
		return breach{"old ticket", "with a ticket from before the first login"}
	case !t.retired.IsZero() && q.loaded.Sub(t.retired) > renewGrace+quantum+apart:
		return breach{"retired", fmt.Sprintf("with a ticket that was retired %v ago", time.Since(t.retired))}
	case t.dropped > 0 && t.dropped < q.got:
		return breach{"banked", "with a ticket that somebody has kept for later"}
	case see.level && !time.Now().Before(t.proof.level.Add(apart)):
		return breach{"rights", "with a level that its ticket has not"}
	case see.authenticated.After(t.proof.authenticated.Add(apart)):
		return breach{"rights", "fresher than its ticket"}
	case time.Since(t.start) >= q.server.absoluteAt(l)+apart:
		return breach{"timeout", "after AbsoluteTimeout"}
	case time.Since(l.usedAtMost) >= j.mostIdle(l)+apart:
		return breach{"timeout", "after IdleTimeout"}
	}
	return breach{}
}

// atLeast judges that a visitor whose browser has kept up is not signed out.
func (j *judge) atLeast(q *request) {
	t := j.shown(q)
	if t == nil || q.client.plan.thief != honest || !j.goodFor(q, t) {
		return
	}
	if old := j.tickets[q.older]; old != nil && old.life != t.life {
		return // the first that is good for a session decides
	}
	switch {
	case q.first.id != t.life.id:
		j.violatedf("signed out", "%s sees nothing of %s with %s", q.name(), j.w.trace.session(t.life.id), j.w.trace.ticket(t.value))
	case q.first.subject != t.proof.subject:
		j.violatedf("signed out", "%s is %q and not %q", q.name(), q.first.subject, t.proof.subject)
	case time.Now().Before(t.proof.level.Add(-j.w.plan.apart)) && !q.first.level && q.older == "":
		j.violatedf("level lost", "%s has lost its level", q.name())
	case q.first.authenticated.Before(t.proof.again.Add(-j.w.plan.apart)) && q.older == "":
		j.violatedf("level lost", "%s has lost that it has just been proved", q.name())
	}
}

// goodFor reports whether a ticket surely shows its session to a request. The
// ticket was the browser's when the request was sent, so that it has been retired
// since, if at all.
func (j *judge) goodFor(q *request, t *ticket) bool {
	switch {
	case t.back != nil && !j.goodToReturn(q, t), t.uncertain, !j.surelyAlive(t.life), j.unused(t), j.w.plan.mixedSealer, q.server.keyless:
		return false
	case j.late(q): // what it was sent with may have been retired
		return false
	case t.proof.subject == "" && t.life.mayBeLoggedIn(): // from before a first login
		return false
	}
	return true
}

// notFound judges that an error of Get has a reason.
func (j *judge) notFound(q *request, err error) {
	if !q.excused() {
		j.violatedf("outage", "%s can't get its session: %v", q.name(), err)
	}
}

// sees judges the values that a request sees: each change that was acknowledged
// before is there once, and no other's is.
func (j *judge) sees(q *request, see seen, l *life, since int) {
	count := make(map[string]int)
	for _, name := range see.values {
		count[name]++
		m := j.marks[name]
		switch {
		case m == nil:
			j.violatedf("crossed", "%s sees %s, which nobody has made", q.name(), name)
			return
		case m.life != nil && m.life != l:
			j.violatedf("crossed", "%s sees %s, which was made in another session", q.name(), name)
		case m.q.client != l.owner && m.q.client.plan.thief == honest:
			j.violatedf("crossed", "%s sees %s, which %s has made", q.name(), name, m.q.client.name)
		case count[name] > 1:
			j.violatedf("made twice", "%s sees %s twice", q.name(), name)
		case m.failed:
			j.violatedf("not made", "%s sees %s, which was refused", q.name(), name)
		}
	}
	for _, m := range l.marks {
		if m.acked > 0 && m.acked < since && count[m.name] == 0 {
			j.violatedf("lost", "%s does not see %s, which was acknowledged", q.name(), m.name)
		}
	}
	for _, name := range see.values { // what was seen stays
		if m := j.marks[name]; m != nil && m.acked == 0 {
			m.acked, m.life = j.w.step, l
			l.marks = append(l.marks, m)
		}
	}
}

// secretOf judges the secret of a session that a form was made with before.
func (j *judge) secretOf(q *request, secret string) {
	t := j.shown(q)
	if t == nil || t.secret == "" || !j.surelyAlive(t.life) || j.w.plan.mixedSealer || t.uncertain {
		return
	}
	if !t.seen && time.Since(t.handed) >= lasting-j.w.plan.apart { // it may have been dropped
		return
	}
	if t.proof.subject == "" && j.mayBeLost(t.life) { // a login that is taken for lost: the ticket is unknown
		return
	}
	if t.secret != secret {
		j.violatedf("form refused", "%s does not know the secret of %s any more", q.name(), j.w.trace.ticket(t.value))
	}
}

// mayBeQuiet reports whether the ticket of a request is possibly good for nothing
// any more, although its session lives.
func (j *judge) mayBeQuiet(q *request) bool {
	t := j.shown(q)
	if t == nil {
		return time.Since(q.loaded) >= j.least(idle)-j.w.plan.apart // a new session's time may be over before it is stored
	}
	return q.client.plan.thief != honest || q.older != "" || j.unused(t) || !j.surelyAlive(t.life) || t.uncertain || j.w.plan.mixedSealer ||
		j.late(q) || t.proof.subject == "" && t.life.mayBeLoggedIn()
}
