package simulate_test

import (
	"slices"
	"time"
)

// An ending is an attempt to end sessions.
type ending struct {
	step    int
	until   int // 0: it goes on
	subject string
	by      string
	lives   []*life // which should be over afterwards
	own     *life   // that stays
	choosy  bool    // it looks into the sessions
	life    *life   // of Destroy: the one that the request has
}

// destroys notes that a request is about to end its session.
func (j *judge) destroys(q *request) {
	q.destroyed = &ending{step: j.w.step}
	if q.older != "" { // all end that a ticket is good for
		for _, t := range j.brought(q) {
			j.mayEndNow(t.life, "Destroy by "+q.name())
		}
	}
	l := j.byID[q.first.id]
	if t := j.shown(q); t != nil && t.back != nil {
		j.mayEndNow(t.back.life, "Destroy by "+q.name())
	}
	if l != nil {
		q.destroyed.life = l
		j.mayEndNow(l, "Destroy by "+q.name())
	}
	if t := j.shown(q); t != nil && (t.life.damaged || j.w.plan.mixedSealer) { // what can't be read is deleted
		j.mayEndNow(t.life, "Destroy by "+q.name())
	}
	// With a ticket from before a login whose own nobody has surely presented yet.
	if t := j.shown(q); t != nil && t.life != l && t.proof.subject == "" && j.unseenFor(t.life) > 0 {
		j.mayEndNow(t.life, "Destroy by "+q.name())
	}
}

func (j *judge) destroyed(q *request) {
	l := q.destroyed.life
	q.destroyed.life = nil
	if t := j.shown(q); t != nil && t.proof.subject == "" && l.mayBeLoggedIn() {
		return // the ticket is no longer good for it, if the login's was presented meanwhile
	}
	if l.own != nil {
		j.endedNow(l.own, "Destroy by "+q.name())
		j.endedNow(l, "Destroy by "+q.name())
		return
	}
	l.clean = !q.excused() && len(l.mayEndBy) == 1 && !j.w.plan.mixedSealer
	j.endedNow(l, "Destroy by "+q.name())
}

// endsOthers notes which sessions a request is about to end.
func (j *judge) endsOthers(q *request) *ending {
	own := j.byID[q.first.id]
	e := j.ends(q.first.subject, "EndOthers by "+q.name(), func(l *life) bool { return l != own })
	e.own, e.choosy = own, true
	return e
}

// ends notes that a subject's sessions, or everybody's, are about to end.
func (j *judge) ends(subject, by string, match func(*life) bool) *ending {
	e := &ending{step: j.w.step, subject: subject, by: by}
	j.endings = append(j.endings, e)
	for _, l := range j.lives {
		if match(l) && (subject == "" || l.mayBe(subject)) {
			j.mayEndNow(l, by)
			l.clean = false // its tombstone goes as well
			if subject == "" || l.subject() == subject {
				e.lives = append(e.lives, l)
			}
		}
	}
	return e
}

// landed notes that the Create of a record was given up and has landed now. What it
// brings, nobody can call back.
func (j *judge) landed(record string) {
	for _, l := range j.lives {
		if l.record == record && l.ended > 0 {
			l.ghost = true
		}
	}
}

func (j *judge) endedOthers(q *request, e *ending, err error) {
	j.over(e, err)
	if err != nil {
		if !q.excused() && !j.mayBeQuiet(q) {
			j.violatedf("outage", "%s can't end the others: %v", q.name(), err)
		}
	}
}

// loggedIn notes that a login was acknowledged, in which session.
func (j *judge) loggedIn(a *act, l *life) {
	if t := j.shown(a.q); t != nil && t.life != l {
		for i, o := range t.life.logins {
			if o == a {
				t.life.logins = append(t.life.logins[:i:i], t.life.logins[i+1:]...)
				break
			}
		}
		had := t.proof.subject != "" && a.q.first.id == t.life.id && !j.mayBeRetired(t)
		if had && (t.life.own != nil || t.life.subject() != a.subject) {
			j.endedNow(t.life, "signed in as somebody else")
		}
	}
	if l.subject() != "" && l.subject() != a.subject {
		j.violatedf("crossed", "%s signs in as %q in a session of %q", a.q.name(), a.subject, l.subject())
	}
	known := false
	for _, o := range l.logins {
		known = known || o == a
	}
	if !known {
		l.logins = append(l.logins, a)
	}
	a.life = l
	for _, e := range j.endings { // of which some may have come after the login
		if (e.subject == "" || e.subject == a.subject) && (e.until == 0 || e.until >= a.step) && e.own != l {
			j.mayEndNow(l, e.by)
		}
	}
	j.mayEvict(a)
}

// countAtMost returns how many sessions the subject of a login has, at most, with
// the login's own.
func (j *judge) countAtMost(a *act) int { return max(a.most, j.countNow(a)) }

func (j *judge) countNow(a *act) int {
	n := 1
	beside := slices.ContainsFunc(j.logins, func(o *act) bool { // at the same time, so that a refusal may be one too many
		return o != a && o.subject == a.subject && !o.failed && (o.acked == 0 || o.acked >= a.step)
	})
	for _, l := range j.lives {
		own := j.shown(a.q) != nil && j.shown(a.q).life == l
		there := j.possiblyAlive(l) || l.ghost
		if l.own == nil && !own && l.mayBe(a.subject) && there && (beside || !j.lost(l)) {
			n++
		}
	}
	for _, o := range j.logins { // a login without an answer may have made a session that nobody has a ticket of
		late := time.Since(o.at) >= lasting+time.Minute+j.w.plan.apart && !o.q.task.running
		if o != a && o.subject == a.subject && o.life == nil && !o.failed && !late {
			n++
		}
	}
	return n
}

// lost reports whether nobody has presented a ticket of any of a session's logins, all
// of which are so long ago that they don't count any more.
func (j *judge) lost(l *life) bool {
	for _, t := range j.tickets {
		if t.life == l && t.proof.subject != "" && t.presented {
			return false
		}
	}
	for _, a := range l.logins {
		if !a.failed && time.Since(a.latest()) <= lasting+j.w.plan.apart {
			return false
		}
	}
	return true
}

// mayEvict notes which sessions a login possibly ends because of MaxSessions: those
// before which there are possibly as many as the limit.
func (j *judge) mayEvict(a *act) {
	limit := j.leastLimit()
	if limit == 0 {
		return
	}
	for _, l := range j.lives {
		refuses := !slices.ContainsFunc(j.w.servers, func(s *server) bool { return !s.options.RefuseNew })
		if refuses && j.unseenFor(l) < lasting/2 { // then the new one has to go
			continue
		}
		if l.own == nil && l.mayBe(a.subject) && j.before(l, a) >= limit {
			j.mayEndNow(l, maxSessions+", login by "+a.q.name())
		}
	}
}

const maxSessions = "MaxSessions"

// leastLimit returns the least MaxSessions of the servers that have one, or 0.
func (j *judge) leastLimit() int {
	limit := 0
	for _, s := range j.w.servers {
		if n := s.options.MaxSessions; n > 0 && (limit == 0 || n < limit) {
			limit = n
		}
	}
	return limit
}

// before counts the sessions that possibly come before l when the newest logins
// stay.
func (j *judge) before(l *life, a *act) int {
	at := l.loginAt(a.subject).Add(-j.misordered())
	n := 0
	for _, o := range j.lives {
		there := j.possiblyAlive(o) || !o.endedAt.Before(at) // or was meanwhile
		if o != l && o.own == nil && o.mayBe(a.subject) && there && !o.lastLogin(a.subject).Before(at) {
			n++
		}
	}
	for _, o := range j.logins { // without an answer, in a session of its own perhaps
		if o.subject == a.subject && o.life == nil && !o.failed && !o.latest().Before(at) {
			n++
		}
	}
	if j.unseenFor(l) >= lasting/2 { // possibly taken for lost
		n += len(j.lives)
	}
	return n
}

// misordered returns by how much an older login may rank before a newer one: where a
// server has no limit, logins there are ranked by its clock.
func (j *judge) misordered() time.Duration {
	if slices.ContainsFunc(j.w.servers, func(s *server) bool { return s.options.MaxSessions == 0 }) {
		return j.w.plan.apart
	}
	return 0
}

// unseenFor returns how long ago the last login was whose ticket nobody has surely
// presented.
func (j *judge) unseenFor(l *life) time.Duration {
	for _, a := range l.logins {
		if a.ticket != nil && a.ticket.seen {
			return 0
		}
	}
	d := time.Duration(1)
	for _, a := range l.logins {
		d = max(d, time.Since(a.at))
	}
	return d
}

// loginAt returns when a session's subject has surely signed in, at the earliest.
func (l *life) loginAt(subject string) time.Time {
	for _, a := range l.logins {
		if a.subject == subject && a.acked > 0 {
			return a.at
		}
	}
	return time.Time{}
}

func (l *life) lastLogin(subject string) time.Time {
	var at time.Time
	for _, a := range l.logins {
		if a.subject == subject && !a.failed {
			at = later2(at, a.latest())
		}
	}
	return at
}

// latest returns when a login was written at the latest.
func (a *act) latest() time.Time {
	if a.acked == 0 {
		return time.Now()
	}
	return a.ackedAt
}
