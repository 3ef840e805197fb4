package simulate_test

import (
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// changes notes a change that a request is about to make.
func (j *judge) changes(q *request, name string, message bool) {
	c := &change{name: name, message: message, q: q, step: j.w.step}
	j.marks[name] = c
	q.changes = append(q.changes, c)
}

// logsIn notes that a request is about to authenticate.
func (j *judge) logsIn(q *request, subject string) *act {
	a := j.act(q, logsIn, subject)
	q.authenticates = true
	if q.r.Context().Err() != nil { // nobody is signed in by a request that was given up
		a.failed = true
		return a
	}
	j.logins = append(j.logins, a)
	if t := j.shown(q); t != nil {
		if t.life.own != nil || t.life.mayBeLoggedIn() && t.life.subject() != subject { // ends it, and begins another
			j.mayEndNow(t.life, "signed in as somebody else")
		}
		if t.life.own == nil {
			t.life.logins = append(t.life.logins, a)
		} else if t.life.own.mayBe(subject) {
			t.life.own.logins = append(t.life.own.logins, a)
		}
	}
	j.mayEvict(a)
	j.count()
	return a
}

// count notes for each login that is under way how many sessions its subject has.
func (j *judge) count() {
	for _, o := range j.logins {
		if o.acked == 0 && !o.failed {
			o.most = max(o.most, j.countNow(o))
		}
	}
}

func (j *judge) reauthenticates(q *request) { j.act(q, reauthenticates, "") }
func (j *judge) stepsUp(q *request)         { j.act(q, stepsUp, "") }

func (j *judge) renews(q *request) {
	if q.first.subject != "" && q.first.actor == "" { // else it does nothing
		j.act(q, renews, "")
	}
}

func (j *judge) shortens(q *request) {
	a := j.act(q, shortens, "")
	if t := j.shown(q); t != nil {
		a.of = t.proof.login
	}
	if l := j.byID[q.first.id]; l != nil {
		l.idles = append(l.idles, a)
	}
}

// remembers notes that the login that a request has made is to last longer, or
// shorter, than usual.
func (j *judge) remembers(q *request) {
	for _, a := range q.acts {
		a.remembered = a.kind == logsIn
	}
}

func (j *judge) act(q *request, kind actKind, subject string) *act {
	a := &act{q: q, kind: kind, subject: subject, step: j.w.step, at: j.now()}
	q.acts = append(q.acts, a)
	return a
}

// committed judges what Commit has said.
func (j *judge) committed(q *request, began int, err error) {
	pending := len(q.changes) > 0 || len(q.acts) > 0 || q.destroyed != nil
	switch {
	case err == nil && pending:
		j.acknowledged(q, began)
	case err != nil:
		j.refused(q, err)
	}
}

// acknowledged notes that all that a request has changed so far is saved.
func (j *judge) acknowledged(q *request, began int) {
	if q.destroyed != nil && q.destroyed.life != nil {
		j.destroyed(q)
	}
	see := look(q.s)
	l := j.byID[see.id]
	if l == nil && (len(q.changes) > 0 || len(q.acts) > 0) {
		l = j.life(see.id, q)
	}
	if l != nil && l.ended > 0 && l.ended < began && (len(q.changes) > 0 || len(q.acts) > 0) {
		j.violatedf("resurrected", "%s has changed %s, which was over (%s)", q.name(), j.w.trace.session(l.id), l.mayEndBy)
	}
	for _, c := range q.changes {
		c.acked, c.life = j.w.step, l
		if !c.message {
			l.marks = append(l.marks, c)
			j.dropsBanked(q, l)
		} else {
			l.messages = append(l.messages, c)
		}
	}
	for _, a := range q.acts {
		if a.failed {
			j.violatedf("given up", "%s signs in, although nobody waits for the answer", q.name())
		}
		if q.sentEarly && a.kind != shortens {
			j.violatedf("no ticket", "%s was to get a ticket, but its header had left", q.name())
		}
		a.acked, a.ackedAt = j.w.step, time.Now()
		switch {
		case a.kind == logsIn:
			j.loggedIn(a, l)
		case a.kind == shortens && l != nil && !slices.Contains(l.idles, a):
			l.idles = append(l.idles, a)
		}
		if a.kind != shortens {
			q.proved = append(q.proved, a)
		}
	}
	q.changes, q.acts = nil, nil
	if l != nil {
		l.usedAtMost = j.now()
		if !q.excused() && j.inTime(l) {
			l.used = j.now()
		}
		if see.subject != l.subject() && l.loggedIn() > 0 && len(q.proved) > 0 {
			j.violatedf("rights", "%s is %q after a login as %q", q.name(), see.subject, l.subject())
		}
	}
}

// tookMessages judges that each message is read once.
func (j *judge) tookMessages(q *request, list []session.Flash, err error) {
	l := j.byID[q.first.id]
	if err != nil {
		j.refused(q, err)
		if l != nil {
			for _, m := range l.messages {
				m.mayBe = true
			}
		}
		return
	}
	got := make(map[string]int)
	for _, f := range list {
		m := j.marks[f.Message]
		got[f.Message]++
		switch {
		case m == nil || m.q.client != q.client && m.q.client.plan.thief == honest && q.client.plan.thief == honest:
			j.violatedf("crossed", "%s reads %s, which is not its visitor's", q.name(), f.Message)
		case m.taken || got[f.Message] > 1:
			j.violatedf("made twice", "%s reads %s, which was read before", q.name(), f.Message)
		case m.failed:
			j.violatedf("not made", "%s reads %s, which was refused", q.name(), f.Message)
		default:
			m.taken = true
		}
	}
	if l == nil || l.mayEnd > 0 || j.mayBeQuiet(q) {
		return
	}
	for _, m := range l.messages {
		if m.acked > 0 && m.acked < q.got && !m.taken && !m.mayBe && !j.beingRead(q, l) {
			j.violatedf("lost", "%s does not read %s", q.name(), m.name)
		}
	}
}

// beingRead reports whether another request may be reading a session's messages.
func (j *judge) beingRead(q *request, l *life) bool {
	for _, t := range j.w.tasks {
		if o := t.request; o != nil && o != q && o.kind.name == "read messages" && o.s != nil && o.first.id == l.id {
			return true
		}
	}
	return false
}
