package simulate_test

import (
	"cmp"
	"net/http"
	"slices"
	"time"
)

// answered judges what a server has answered.
func (j *judge) answered(q *request) {
	j.settled(q)
	if q.s == nil {
		return
	}
	if !q.sentEarly {
		j.left(q)
	}
	if l := j.byID[q.first.id]; l != nil {
		if !q.kind.passive {
			l.usedAtMost = j.now()
			if l.own != nil {
				l.own.usedAtMost = j.now()
			}
		}
		if q.excused() {
			l.disturbed++
		}
		// It is extended when the request is answered, if its time is not up by then.
		if q.status == http.StatusOK && !q.excused() && !q.kind.passive && j.inTime(l) {
			l.used = later2(l.used, q.loaded)
			if l.own != nil && j.inTime(l.own) && q.atEnd().actor != "" { // else a login has left it
				l.own.used = later2(l.own.used, q.loaded)
			}
		}
	}
	if t := j.shown(q); t != nil && q.older == "" && q.status == http.StatusOK && !q.excused() && q.first.id == t.life.id {
		j.seenNow(t)
	}
}

// left judges the header that leaves a server, and notes the ticket in it.
func (j *judge) left(q *request) {
	handed, set := q.handedOut()
	if n := len(q.cookies()); n > 1 {
		j.violatedf("cookies", "%s is answered with %d cookies", q.name(), n)
	}
	switch {
	case set && handed == "":
		j.takenBack(q)
	case set:
		j.handed(q, handed)
	}
	j.unanswered(q, handed)
	if q.destroyed != nil && q.status == http.StatusOK && !q.sentEarly && q.presented != "" && !set {
		j.violatedf("logout", "%s signs out, and the browser keeps its ticket", q.name())
	}
	j.form(q, handed)
}

// seenNow notes that a ticket was surely seen: it retires the one that it was asked
// for with.
func (j *judge) seenNow(t *ticket) {
	if t.seen {
		return
	}
	t.seen = true
	if p := t.parent; p != nil && p.retired.IsZero() {
		p.retired, p.retiredAt = time.Now(), j.w.step
	}
}

// form notes the secret of a form on the page that the browser now shows.
func (j *judge) form(q *request, handed string) {
	if q.secret == "" || q.status != http.StatusOK {
		return
	}
	t := j.tickets[handed]
	if handed == "" {
		t = j.shown(q)
	}
	if t != nil && t.life.id == q.atEnd().id {
		t.secret = q.secret
	}
}

// unanswered judges that whoever has proved something has a ticket for it. What ended
// meanwhile needs none, but for a login: nobody is told that they are signed in who is
// not.
func (j *judge) unanswered(q *request, handed string) {
	if q.status != http.StatusOK || q.sentEarly || q.destroyed != nil || handed != "" {
		return
	}
	l := j.byID[cmp.Or(q.atEnd().id, q.moved, q.first.id)] // empty once it has ended
	if q.authenticates || len(q.proved) > 0 && (l == nil || l.mayEnd == 0) {
		j.violatedf("no ticket", "%s was to get a ticket, and gets none", q.name())
	}
}

// takenBack judges that only a logout makes a browser forget its ticket.
func (j *judge) takenBack(q *request) {
	t := j.shown(q)
	bound := q.client.plan.thief != honest || t != nil && slices.Contains(t.life.mayEndBy, "binding") // to one of the two browsers
	if q.destroyed == nil && !bound {
		j.violatedf("signed out", "%s is told to forget its ticket", q.name())
	}
}

// handed judges a ticket that is handed out, and notes it.
func (j *judge) handed(q *request, value string) {
	see := q.atEnd()
	if known := j.tickets[value]; known != nil {
		j.violatedf("twice", "%s is handed %s, which was handed out before", q.name(), j.w.trace.ticket(value))
		return
	}
	old := j.shown(q)
	acts := slices.ContainsFunc(q.proved, func(a *act) bool { return a.kind == impersonates || a.kind == returns })
	if old != nil && old.life.id != see.id && !acts {
		j.movedOn(q, old, see)
	}
	if q.keptBack && len(q.proved) == 0 {
		j.violatedf("cross-site", "%s replaces a cookie that was only kept back", q.name())
	}
	t := &ticket{
		value: value, no: len(j.tickets) + 1, life: j.life(see.id, q), start: q.sent, begun: q.sent, handed: time.Now(),
		// Another ticket's write may have dropped it by then.
		uncertain: q.status != http.StatusOK || time.Since(q.loaded) >= lasting-j.w.plan.apart,
	}
	switch {
	case j.handedToAct(q, t):
		old = nil // no move within a session
	case old != nil && old.life == t.life:
		t.proof, t.start, t.begun = old.proof, old.start, old.begun
	default:
		t.start = j.now()
	}
	for _, a := range append(q.proved, q.acts...) {
		switch a.kind {
		case logsIn:
			t.proof = proof{subject: a.subject, authenticated: j.now(), login: a}
			t.start = j.now()
			a.ticket = t
		case reauthenticates:
			t.proof.authenticated, t.proof.again = j.now(), a.at
		case stepsUp:
			t.proof.level = a.at.Add(levelLife)
		case renews, shortens, impersonates, returns: // prove nothing
		}
	}
	if old != nil && old.life == t.life {
		joined := slices.ContainsFunc(q.proved, func(a *act) bool { return a.kind == logsIn })
		if old.retiredAt > 0 && old.retiredAt < q.got && !joined {
			j.violatedf("retired", "%s is handed a ticket for one that was retired %v ago", q.name(), time.Since(old.retired))
		}
		t.parent = old
		if !slices.ContainsFunc(q.proved, func(a *act) bool { return a.kind == logsIn }) { // which changes it
			t.secret = old.secret
		}
	}
	if t.life.owner != q.client && q.client.plan.thief == honest {
		j.violatedf("crossed", "%s is handed a ticket for %s's session", q.name(), t.life.owner.name)
	}
	j.tickets[value] = t
	if t.life.record == "" {
		t.life.record = q.task.created
	}
	if t.life.used.IsZero() {
		t.life.used = q.sent
	}
	t.life.usedAtMost = j.now()
}

// movedOn judges a ticket for another session than that of the ticket that was
// shown: the browser forgets the old one.
func (j *judge) movedOn(q *request, old *ticket, see seen) {
	l := old.life
	as := ""
	for _, a := range q.proved {
		as = a.subject
	}
	switch {
	case old.proof.subject == "" && j.mayBeLost(l): // a login that is taken for lost: the ticket is unknown
	case q.destroyed != nil || q.client.plan.thief != honest: // and begins anew
	case as != "":
		if l.own != nil && j.surelyAlive(l.own) && l.own.subject() == as && see.id != l.own.id && !j.w.plan.mixedSealer {
			j.violatedf("cart lost", "%s signs in, and its own %s is left behind", q.name(), j.w.trace.session(l.own.id))
		}
		if j.surelyAlive(l) && (l.subject() == as || !l.mayBeLoggedIn()) && !j.w.plan.mixedSealer {
			j.violatedf("cart lost", "%s signs in, and %s is left behind", q.name(), j.w.trace.session(l.id))
		}
	case j.unused(old): // and unknown
	case j.surelyAlive(l):
		j.violatedf("signed out", "%s gets a ticket for %s over %s, which lives", q.name(),
			j.w.trace.session(see.id), j.w.trace.session(l.id))
	case l.ended > 0 && l.clean && time.Since(l.endedAt) < lasting-j.w.plan.apart:
		j.violatedf("signed out", "%s gets a ticket for %s over %s, which was destroyed just now", q.name(),
			j.w.trace.session(see.id), j.w.trace.session(l.id))
	}
}

// refusedNew judges that a login is refused because there are too many.
func (j *judge) refusedNew(q *request) {
	limit := q.server.options.MaxSessions
	for _, a := range q.acts {
		if a.kind == logsIn && !q.excused() && j.countAtMost(a) <= limit {
			j.violatedf("limit", "%s is refused, with at most %d sessions", q.name(), j.countAtMost(a)-1)
		}
	}
}

func later2(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

func (j *judge) now() time.Time { return time.Now() }
