package simulate_test

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// actLife is for how long somebody acts as another.
const actLife = 8 * time.Minute

// Whom an administrator acts as.
var actedAs = map[string]string{"ann": "bob", "bob": "ann", "carl": "ann"}

var impersonate = kind{name: "impersonate", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
	as := actedAs[q.s.Subject()]
	if q.s.Actor() != "" || as == "" || q.client.plan.thief != honest {
		return nil
	}
	q.task.enter()
	err := q.s.Impersonate(r.Context(), as, actLife)
	q.task.leave()
	q.w.trace.eventf(q.name(), "acts as %s: %v", as, err)
	q.w.judge.impersonated(q, as, err)
	if err == nil && q.no%2 == 0 {
		q.mark()
	}
	if err != nil {
		return err
	}
	return q.perhapsCommit(r)
}}

var stopActing = kind{name: "stop acting", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
	if q.client.plan.thief != honest {
		return nil
	}
	q.w.judge.comesBack(q)
	q.task.enter()
	err := q.s.StopImpersonating(r.Context())
	q.task.leave()
	q.w.trace.eventf(q.name(), "acts no more: %v", err)
	q.w.judge.cameBack(q, err)
	if err != nil {
		return err
	}
	return q.perhapsCommit(r)
}}

// planActing has visitors act as others.
func (p *plan) planActing(rng *rand.Rand) {
	p.clients[0].before = pick(rng, []kind{login, visit}, []kind{write, login, visit})
	p.clients[0].script = nil
	p.kinds = append(p.kinds, weighted[kind]{2, write},
		weighted[kind]{1 + rng.IntN(4), impersonate}, weighted[kind]{1 + rng.IntN(4), stopActing})
	p.requests += 6
	p.ticks = append(p.ticks, pick(rng, time.Second, renewGrace+time.Second, 3*time.Minute, actLife))
}

// itself leaves out requests of a visitor who acts as somebody else.
func itself(f func(*request, http.ResponseWriter, *http.Request) error) func(*request, http.ResponseWriter, *http.Request) error {
	return func(q *request, w http.ResponseWriter, r *http.Request) error {
		if q.s.Actor() != "" {
			return nil
		}
		return f(q, w, r)
	}
}

// impersonated judges what Impersonate has said. The session in which the visitor acts is
// one of its own.
func (j *judge) impersonated(q *request, as string, err error) {
	own := j.byID[q.first.id]
	switch {
	case err == nil && own == nil:
		j.violatedf("crossed", "%s acts as %s without a session of its own", q.name(), as)
	case err == nil:
		see := look(q.s)
		if j.byID[see.id] != nil || see.subject != as || see.actor != q.first.subject || len(see.values) > 0 {
			j.violatedf("crossed", "%s acts as %s and sees %s of actor %q", q.name(), as, j.w.trace.seen(see), see.actor)
			return
		}
		q.moved = see.id
		l := j.life(see.id, q)
		l.as, l.own, l.used, l.usedAtMost = as, own, time.Now(), time.Now()
		own.usedAtMost = time.Now()
		for _, e := range j.endings { // that were under way
			if e.subject == as && (e.until == 0 || e.until >= q.got) {
				j.mayEndNow(l, e.by)
			}
		}
		q.proved = append(q.proved, &act{q: q, kind: impersonates, subject: as, at: time.Now()})
	case errors.Is(err, session.ErrRetired):
		if !j.mayHaveRetired(q) {
			j.violatedf("refused", "%s can't act: %v", q.name(), err)
		}
	case errors.Is(err, session.ErrNotFound):
		if !j.mayBeQuiet(q) && !q.excused() {
			j.violatedf("refused", "%s can't act: %v, although its session lives", q.name(), err)
		}
	default:
		if !q.excused() && !j.mayBeFull(q) && !j.atItsEnd(q) {
			j.violatedf("outage", "%s can't act: %v", q.name(), err)
		}
	}
}

// comesBack notes that a request is about to end the session in which its visitor acts.
func (j *judge) comesBack(q *request) {
	if l := j.byID[q.first.id]; l != nil && l.own != nil {
		j.mayEndNow(l, "StopImpersonating by "+q.name())
	}
}

// cameBack judges what StopImpersonating has said.
func (j *judge) cameBack(q *request, err error) {
	t := j.shown(q)
	switch {
	case q.first.actor == "":
		if err != nil && !j.mayBeQuiet(q) {
			j.violatedf("refused", "%s acts as nobody: %v", q.name(), err)
		}
	case err == nil:
		see := look(q.s)
		if t == nil || t.back == nil || see.id != t.back.life.id || see.subject != t.back.proof.subject || see.actor != "" {
			j.violatedf("crossed", "%s comes back and sees %s", q.name(), j.w.trace.seen(see))
			return
		}
		q.moved = see.id
		if own := t.back.life; own.ended > 0 && own.ended < q.got {
			j.violatedf("resurrected", "%s comes back to %s, which was over (%s)", q.name(), j.w.trace.seen(see), own.mayEndBy)
		}
		j.sees(q, see, t.back.life, q.got)
		if l := j.byID[q.first.id]; l != nil {
			j.endedNow(l, "StopImpersonating by "+q.name())
		}
		q.proved = append(q.proved, &act{q: q, kind: returns, at: time.Now()})
	case errors.Is(err, session.ErrRetired):
		if !j.mayHaveRetired(q) {
			j.violatedf("refused", "%s can't come back: %v", q.name(), err)
		}
	case errors.Is(err, session.ErrNotFound):
		if !q.excused() && (t == nil || t.back == nil || j.goodToReturn(q, t)) {
			j.violatedf("signed out", "%s can't come back: %v", q.name(), err)
		}
	default:
		atItsEnd := j.atItsEnd(q) || t != nil && t.back != nil && !j.inTime(t.back.life)
		if !q.excused() && !j.mayBeFull(q) && !atItsEnd {
			j.violatedf("outage", "%s can't come back: %v", q.name(), err)
		}
	}
}

// goodToReturn reports whether a ticket with which somebody acts surely leads back.
func (j *judge) goodToReturn(q *request, t *ticket) bool {
	return !t.uncertain && j.surelyAlive(t.back.life) && !j.unused(t) && !j.w.plan.mixedSealer && !q.server.keyless &&
		!j.mayBeRetired(t) && time.Since(q.sent) < renewGrace-time.Second
}

// actsAtMost judges what only a request of somebody who acts may see.
func (j *judge) actsAtMost(q *request, t *ticket) breach {
	see, l := q.first, t.life
	switch {
	case t.back == nil && see.actor != "":
		return breach{"actor", "which nobody acts in"}
	case t.back == nil:
		return breach{}
	case see.actor != t.back.proof.subject:
		return breach{"actor", "whose actor is " + t.back.proof.subject}
	case l.own.ended > 0 && l.own.ended < q.got:
		return breach{"resurrected", "whose actor's own session was over"}
	case time.Since(t.start) >= actLife:
		return breach{"timeout", "after the time to act"}
	}
	return breach{}
}

// actsAtLeast judges that whoever acts, or has acted, is not signed out of their own
// session.
func (j *judge) actsAtLeast(q *request) {
	t := j.shown(q)
	if t == nil || t.back == nil || q.older != "" || q.client.plan.thief != honest || !j.goodToReturn(q, t) {
		return
	}
	if q.first.actor != t.back.proof.subject {
		j.violatedf("signed out", "%s has acted with %s, and its actor is %q", q.name(), j.w.trace.ticket(t.value), q.first.actor)
	}
}

// handedToAct notes a ticket of Impersonate, or of the way back, and reports whether it is
// one.
func (j *judge) handedToAct(q *request, t *ticket) bool {
	old := j.shown(q)
	for _, a := range q.proved {
		switch {
		case old == nil:
		case a.kind == impersonates:
			t.back, t.parent = old, old
			t.proof, t.start, t.begun = proof{subject: a.subject}, time.Now(), q.sent
			return true
		case a.kind == returns:
			back := old.back
			t.parent, t.proof, t.start, t.begun, t.secret = old, back.proof, back.start, back.begun, back.secret
			return true
		}
	}
	return false
}
