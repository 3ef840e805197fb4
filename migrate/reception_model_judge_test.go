package migrate_test

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func (m *model) judge() {
	for _, q := range m.requests {
		m.judgeStatus(q)
		m.judgeSight(q)
	}
	for _, b := range m.browsers {
		m.judgeLoss(b)
		m.judgeIn(b)
		m.judgeOut(b)
	}
	m.judgeEnds()
	m.judgeCount()
}

func (q *modelRequest) old() bool { return strings.HasPrefix(q.do, "old ") }

func (q *modelRequest) ok() bool { return q.status == http.StatusOK && !q.old() }

func (q *modelRequest) slow(by time.Duration) bool { return q.handled.Sub(q.sent) > by }

// brings reports whether the request brings a ticket of ours.
func (q *modelRequest) brings() bool { return len(q.cookies) > 1 || q.cookies[oldCookie] == "" }

// does reports whether the request is one of these.
func (q *modelRequest) does(what ...string) bool { return slices.Contains(what, q.do) }

// did reports whether any request does one of these.
func (m *model) did(what ...string) bool {
	return slices.ContainsFunc(m.requests, func(q *modelRequest) bool { return q.does(what...) })
}

// pages returns what the request has seen, and what it has shown.
func (q *modelRequest) pages() []modelPage {
	if q.ok() {
		return []modelPage{q.was, q.page}
	}
	return []modelPage{q.was}
}

func (m *model) judgeStatus(q *modelRequest) {
	down := q.status == http.StatusServiceUnavailable && (m.site.storeFails+m.site.recordsFail > 0 || q.away)
	if !down && !slices.Contains([]int{http.StatusOK, http.StatusConflict, http.StatusForbidden}, q.status) {
		m.faultf("no such status: %v", q)
	}
}

// judgeSight: nobody sees what is another's, or is fresh who has given no password.
func (m *model) judgeSight(q *modelRequest) {
	for _, p := range q.pages() {
		fresh := false
		for _, o := range q.browser.requests {
			fresh = fresh || o.does("sign in") && !o.sent.After(q.sent)
			if o.does("add") && o.ok() && o.page.subject != "" && o.page.subject != p.subject && slices.Contains(p.items, o.with) {
				m.faultf("%s sees %s's: %v\n  from %v", p.subject, o.page.subject, q, o)
			}
		}
		for _, item := range p.items {
			if item[0] != '0'+byte(q.browser.number) {
				m.faultf("the item of another browser: %v", q)
			}
		}
		if p.fresh && p.subject != "" && !fresh {
			m.faultf("fresh without a password: %v", q)
		}
	}
}

// judgeLoss: what was added is there, unless it was to an anonymous session that has become
// somebody's meanwhile, or by a request so slow that its ticket is no longer in the list. Where
// ann has but one session, all hers has what she brought, and what she knows to be in it.
func (m *model) judgeLoss(b *modelBrowser) {
	forgets := m.site.storeFails > 0 && (m.site.inCookie || m.site.keep) // what has ended, if there is no tombstone
	one := !forgets && !m.several(b) && !m.did("act") && (!m.did("end others") || len(m.browsers) == 1) && !b.signsIn(time.Now(), "ann")
	for _, q := range b.requests {
		for _, p := range q.pages() {
			hers := one && p.subject == "ann" && q.sent.Sub(m.began) < 9*time.Minute
			if hers && !slices.Contains(p.items, b.brought) {
				m.faultf("lost %s: %v", b.brought, q)
			}
			if a := q.lacks(p, hers); a != nil {
				m.faultf("lost %s: %v\n  in %v", a.with, a, q)
			}
		}
	}
}

// lacks returns the request, if there is one, that has added what p, a page of q's, has to have.
func (q *modelRequest) lacks(p modelPage, hers bool) *modelRequest {
	i := slices.IndexFunc(q.browser.requests, func(a *modelRequest) bool {
		if !a.does("add") || !a.ok() || a.page.id == "" || a.slow(30*time.Second) || slices.Contains(p.items, a.with) {
			return false
		}
		knows := hers && a.page.subject == "ann" && !a.delivered.IsZero() && q.sent.After(a.delivered)
		return knows || p.id == a.page.id && q.sent.After(a.handled) && (a.page.subject != "" || p.subject == "")
	})
	if i < 0 {
		return nil
	}
	return q.browser.requests[i]
}

// judgeIn: nobody is in who has signed out, unless they have signed in, or had two sessions.
// Where the old one is only in its cookie, nothing but a tombstone tells that it is over, and
// the store may fail to take that.
func (m *model) judgeIn(b *modelBrowser) {
	if m.site.refuse && !m.turns || m.site.inCookie && (m.did("old write") || m.site.storeFails > 0) {
		return
	}
	for i, out := range b.requests {
		again := slices.ContainsFunc(b.requests[:i], func(o *modelRequest) bool { return o.signsOut() && o.handled.Before(out.sent) })
		if !out.signsOut() && (!again || !out.does("sign out") || !out.ok()) {
			continue
		}
		for _, q := range b.requests {
			late := q.sent.Sub(out.handled) > 9*time.Minute && (m.site.recordsFail > 0 || !out.told(m.site.keep))
			for _, p := range q.pages() {
				if q.sent.After(out.handled) && p.subject != "" && !late && !b.signsIn(q.handled, p.subject) {
					m.faultf("in after %v\n  is %v", out, q)
					return
				}
			}
		}
	}
}

// told reports whether the browser has an answer to the logout, or to a request that has come
// soon after it: either ends the old cookie.
func (q *modelRequest) told(keep bool) bool {
	return !q.delivered.IsZero() || !keep && slices.ContainsFunc(q.browser.requests, func(o *modelRequest) bool {
		return o.sent.After(q.handled) && o.ok() && !o.delivered.IsZero() && o.delivered.Sub(q.handled) < 9*time.Minute
	})
}

// signsOut reports whether the request has signed somebody out.
func (q *modelRequest) signsOut() bool { return q.does("sign out") && q.ok() && q.was.subject != "" }

// signsIn reports whether the browser may have begun another session of a subject's by then.
func (b *modelBrowser) signsIn(by time.Time, subject string) bool {
	return slices.ContainsFunc(b.requests, func(o *modelRequest) bool {
		return o.sent.Before(by) && (o.does("act", "stop") || o.does("sign in", "old sign in") && o.with == subject)
	})
}

// several reports whether b's visitor may have more than ann's one session, or lose it.
func (m *model) several(b *modelBrowser) bool {
	return b.user == "" || m.did("end all", "old write") || m.site.max > 0 && len(m.browsers) > 1 ||
		m.did("act") && !m.site.inCookie // who begins to act has the record deleted
}

// stays returns the requests in which b's visitor is in for sure: until they sign out, or bring
// the session that they have signed in to as bob; and since when they may be bob.
func (m *model) stays(b *modelBrowser) (in []*modelRequest, bob time.Time) {
	bob, until := time.Now(), time.Now()
	for _, o := range m.requests {
		others := o.does("end others") && len(m.browsers) > 1
		if o.browser != b && !others {
			continue
		}
		if o.with == "bob" && bob.After(o.sent) {
			bob = o.sent
		}
		if others || o.does("sign out", "old sign out", "old sign in") || !o.sent.Before(bob) && (m.site.max > 0 || o.brings()) {
			until = o.sent
			break
		}
	}
	for _, q := range b.requests {
		if q.handled.Before(until) && !q.old() && !q.slow(5*time.Second) {
			in = append(in, q)
		}
	}
	return in, bob
}

// judgeOut: who was in, and has not signed out, is in, in one session. The ticket of a slow
// request may no longer be in the list.
func (m *model) judgeOut(b *modelBrowser) {
	if m.several(b) {
		return
	}
	var first *modelRequest
	in, bob := m.stays(b)
	for _, q := range in {
		switched := q.handled.After(bob)
		conflicts := q.does("renew", "step up", "act", "stop") || q.does("sign in") && q.brings() || m.did("act")
		if q.status == http.StatusForbidden || q.status == http.StatusConflict && !conflicts {
			m.faultf("refused: %v", q)
			return
		}
		for _, p := range q.pages() {
			if q.ok() && p.subject != "ann" && p.actor != "ann" && (!switched || p.subject != "bob") {
				m.faultf("out: %v", q)
				return
			}
		}
		switch {
		case !q.ok() || switched || q.page.actor != "" || q.page.id == "":
		case first == nil:
			first = q
		case q.page.id != first.page.id:
			m.faultf("two sessions: %v\n  and %v", first, q)
			return
		}
	}
}

// judgeEnds: what an administrator has ended is over.
func (m *model) judgeEnds() {
	for _, end := range m.requests {
		before := map[string]bool{}
		for _, q := range m.requests { // in the order in which they were sent
			switch {
			case !end.does("end all") || !end.ok() || !q.ok() || q.page.subject != end.with || q.page.id == "":
			case q.handled.Before(end.sent):
				before[q.page.id] = true
			case q.sent.After(end.handled) && before[q.page.id]:
				m.faultf("not ended: %v", q)
			}
		}
	}
}

// judgeCount: there are no more sessions than there can be.
func (m *model) judgeCount() {
	for _, subject := range []string{"ann", "bob"} {
		list, err := m.managers[0].List(m.t.Context(), subject)
		if err != nil {
			m.t.Fatal(err)
		}
		n, most := 0, 0
		for i := range list {
			if list[i].Actor == "" {
				n++
			}
		}
		for _, user := range m.users {
			if user == subject {
				most++
			}
		}
		if m.site.anonymous > 0 && m.did("old sign in") || m.site.here > 0 && time.Since(m.began) > 9*time.Minute {
			most *= 2 // to the anonymous one that is there, and another, if that login was lost
		}
		for _, q := range m.requests {
			if q.does("sign in") && q.with == subject {
				most++
			}
		}
		if m.site.max > 0 && m.site.storeFails == 0 && m.site.goAway == 0 {
			most = min(most, m.site.max)
		}
		if n > most {
			m.faultf("%s has %d sessions, at most %d can be", subject, n, most)
		}
	}
}
