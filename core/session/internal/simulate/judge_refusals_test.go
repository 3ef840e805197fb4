package simulate_test

import (
	"errors"
	"net/http"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// refused judges that what a request has changed may have been refused, and notes
// it where that is certain.
func (j *judge) refused(q *request, err error) {
	certain := !q.excused()
	switch {
	case errors.Is(err, session.ErrHeaderSent):
		if !q.sentEarly {
			j.violatedf("refused", "%s: %v", q.name(), err)
		}
	case errors.Is(err, session.ErrTooManySessions):
		j.refusedNew(q)
	case errors.Is(err, session.ErrRetired):
		if !j.mayHaveRetired(q) {
			j.violatedf("refused", "%s: %v", q.name(), err)
		}
		acts := q.acts
		q.acts = nil
		j.acknowledged(q, q.got) // all but the ticket
		for _, a := range acts {
			a.failed = true
		}
	case errors.Is(err, session.ErrNotFound):
		if !j.mayBeQuiet(q) && !q.excused() && !q.keptBack && !j.overtaken(q) {
			j.violatedf("refused", "%s: %v, although its session lives", q.name(), err)
		}
	default:
		if !q.excused() && !j.mayBeFull(q) && !j.atItsEnd(q) {
			j.violatedf("outage", "%s: %v", q.name(), err)
		}
		certain = false
	}
	j.giveUp(q, certain)
}

// atItsEnd reports whether the time of a request's session is possibly over, which the
// store may find when the package has not.
func (j *judge) atItsEnd(q *request) bool {
	t := j.shown(q)
	return t != nil && !j.inTime(t.life)
}

// mayBeFull reports whether a session's list of tickets has possibly no room for
// another: they are all on their way.
func (j *judge) mayBeFull(q *request) bool {
	s := j.shown(q)
	if s == nil {
		return false
	}
	needed := s.home().disturbed
	for _, t := range j.tickets {
		if t.home() == s.home() && t.retiredAt == 0 { // to act, one takes a ticket that leads back
			needed++
		}
	}
	return needed >= 7
}

// overtaken reports whether a login is possibly ended at once: by later ones, or by
// somebody who ends what is there.
func (j *judge) overtaken(q *request) bool {
	limit := j.leastLimit()
	for _, a := range q.acts {
		ended := slices.ContainsFunc(j.endings, func(e *ending) bool {
			return (e.subject == "" || e.subject == a.subject) && (e.until == 0 || e.until >= a.step)
		})
		if a.kind == logsIn && ended {
			return true
		}
		newer := 0
		for _, o := range j.logins {
			if o != a && o.subject == a.subject && !o.failed && !o.latest().Before(a.at.Add(-j.misordered())) {
				newer++
			}
		}
		if a.kind == logsIn && limit > 0 && newer >= limit {
			return true
		}
	}
	return false
}

// giveUp notes that a request has failed with what it has changed so far.
func (j *judge) giveUp(q *request, certain bool) {
	for _, c := range q.changes {
		c.failed = certain
	}
	for _, a := range q.acts {
		a.failed = certain
	}
	q.changes, q.acts = nil, nil
}

// settled judges a request whose response leaves, and notes what became of what it
// has changed.
func (j *judge) settled(q *request) {
	switch {
	case q.s == nil:
	case q.status == http.StatusOK && !q.sentEarly:
		if len(q.changes) > 0 || len(q.acts) > 0 || q.destroyed != nil {
			if _, set := q.handedOut(); !set && j.mayBeQuiet(q) || q.keptBack && !set || q.s.ID() == "" {
				j.giveUp(q, false) // dropped without a word, and said so in the log
				return
			}
			j.acknowledged(q, q.returned)
		}
	default:
		j.refusedAtTheEnd(q)
	}
}

// refusedAtTheEnd judges an answer that reports a failure.
func (j *judge) refusedAtTheEnd(q *request) {
	switch q.status {
	case http.StatusOK, http.StatusUnauthorized, http.StatusSwitchingProtocols:
	case http.StatusForbidden:
		switch {
		case q.err != nil:
		case !slices.ContainsFunc(q.acts, func(a *act) bool { return a.kind == logsIn }):
			j.violatedf("limit", "%s is no login, and is refused", q.name())
		default:
			j.refusedNew(q)
		}
	case http.StatusConflict:
		retired := len(q.acts) > 0 && j.mayHaveRetired(q)
		if q.err == nil && !retired && !j.overtaken(q) && !j.mayBeQuiet(q) && !q.excused() {
			j.violatedf("refused", "%s is answered 409, although its session lives", q.name())
		}
	default:
		if !q.excused() && !j.mayBeFull(q) && !j.atItsEnd(q) {
			j.violatedf("outage", "%s is answered %d", q.name(), q.status)
		}
	}
	j.giveUp(q, false)
}
