package migrate_test

import (
	"net/http"
	"slices"
	"strings"
	"time"
)

func (w *storm) judge() {
	for _, q := range w.requests {
		if !q.old() {
			w.judgeStatus(q)
			w.judgeSight(q)
		}
	}
	for _, b := range w.browsers {
		w.judgeLoss(b)
		w.judgeIn(b)
		w.judgeOut(b)
	}
	w.judgeEnds()
	w.judgeCount()
}

func (q *stormRequest) old() bool { return strings.HasPrefix(q.do, "old ") }

func (q *stormRequest) ok() bool { return q.status == http.StatusOK && !q.old() }

func (w *storm) judgeStatus(q *stormRequest) {
	switch q.status {
	case http.StatusOK, http.StatusConflict, http.StatusForbidden:
		return
	case http.StatusServiceUnavailable:
		if w.site.storeFails+w.site.recordsFail > 0 || q.away {
			return
		}
	}
	w.faultf("no such status: %v", q)
}

// judgeSight: nobody sees what is another's, or is fresh who has given no password.
func (w *storm) judgeSight(q *stormRequest) {
	fresh := false
	for _, o := range w.requests {
		fresh = fresh || o.do == "sign in" && o.browser == q.browser && !o.sent.After(q.sent)
		if o.do == "add" && o.ok() && o.page.Subject != "" && o.page.Subject != q.page.Subject && slices.Contains(q.page.Items, o.with) {
			w.faultf("%s sees %s's: %v\n  from %v", q.page.Subject, o.page.Subject, q, o)
		}
	}
	for _, item := range q.page.Items {
		if item[0] != '0'+byte(q.browser.number) {
			w.faultf("the item of another browser: %v", q)
		}
	}
	if q.page.Fresh && q.page.Subject != "" && !fresh {
		w.faultf("fresh without a password: %v", q)
	}
}

// judgeLoss: what was added is there, unless it was to an anonymous session that has become
// somebody's meanwhile, or by a request so slow that its ticket is no longer in the list.
func (w *storm) judgeLoss(b *stormBrowser) {
	for _, a := range w.requests {
		if a.browser != b || a.do != "add" || !a.ok() || a.page.ID == "" || a.handled.Sub(a.sent) > 30*time.Second {
			continue
		}
		for _, q := range w.requests {
			same := q.browser == b && q.ok() && q.page.ID == a.page.ID && q.sent.After(a.handled)
			if same && (a.page.Subject != "" || q.page.Subject == "") && !slices.Contains(q.page.Items, a.with) {
				w.faultf("lost %s: %v\n  in %v", a.with, a, q)
				return
			}
		}
	}
}

// judgeIn: nobody is in who was told that they are signed out, unless they have signed in, or
// had two sessions. Where the old one is only in its cookie, nothing but the tombstone tells that
// it is over, and the store may fail to take that.
func (w *storm) judgeIn(b *stormBrowser) {
	if w.site.refuse || w.site.inCookie && w.site.oldWrite+w.site.storeFails > 0 {
		return
	}
	for _, out := range w.requests {
		if out.browser != b || out.do != "sign out" || !out.ok() || out.delivered.IsZero() || out.page.Was == "" {
			continue
		}
		for _, q := range w.requests {
			if q.browser != b || !q.ok() || !q.sent.After(out.delivered) || q.page.Subject == "" {
				continue
			}
			late := q.sent.Sub(out.handled) > 9*time.Minute && w.site.recordsFail+w.site.oldWrite > 0
			if !late && !w.signedIn(b, q) {
				w.faultf("in after %v\n  is %v", out, q)
				return
			}
		}
	}
}

// signedIn reports whether the browser may have begun another session before q was answered.
func (w *storm) signedIn(b *stormBrowser, q *stormRequest) bool {
	return slices.ContainsFunc(w.requests, func(o *stormRequest) bool {
		return o.browser == b && o.sent.Before(q.handled) && slices.Contains([]string{"sign in", "old sign in", "act", "stop"}, o.do)
	})
}

// judgeOut: who was in, and has not signed out or in as another, is in, in one session. The
// ticket of a slow request may no longer be in the list.
func (w *storm) judgeOut(b *stormBrowser) {
	alone := len(w.browsers) == 1
	several := w.site.inCookie && w.site.oldWrite > 0 || w.site.act > 0 && !w.site.inCookie // who begins to act has the record deleted
	if b.user == "" || several || w.site.max > 0 && !alone || w.site.endSubject > 0 {
		return
	}
	for _, o := range w.requests {
		others := o.do == "end others" && !alone
		if others || o.browser == b && (slices.Contains([]string{"sign out", "old sign out", "old sign in"}, o.do) || o.with == "bob") {
			return
		}
	}
	var first *stormRequest
	for _, q := range w.requests {
		switch {
		case q.browser != b || q.old() || q.handled.Sub(q.sent) > 5*time.Second:
		case q.status == http.StatusForbidden, q.status == http.StatusConflict && (q.do == "view" || q.do == "add") && w.site.act == 0:
			w.faultf("refused: %v", q)
			return
		case !q.ok():
		case q.page.Subject != "ann" && q.page.Actor != "ann":
			w.faultf("out: %v", q)
			return
		case q.page.Actor != "" || q.page.ID == "":
		case first == nil:
			first = q
		case q.page.ID != first.page.ID:
			w.faultf("two sessions: %v\n  and %v", first, q)
			return
		}
	}
}

// judgeEnds: what an administrator has ended is over.
func (w *storm) judgeEnds() {
	for _, e := range w.ends {
		before := map[string]bool{}
		for _, q := range w.requests {
			if q.ok() && q.page.Subject == e.subject && q.page.ID != "" && q.handled.Before(e.sent) {
				before[q.page.ID] = true
			}
		}
		for _, q := range w.requests {
			if q.ok() && q.page.Subject == e.subject && q.sent.After(e.end) && before[q.page.ID] {
				w.faultf("not ended: %v", q)
			}
		}
	}
}

// judgeCount: there are no more sessions than there can be.
func (w *storm) judgeCount() {
	for _, subject := range []string{"ann", "bob"} {
		list, err := w.managers[0].List(w.t.Context(), subject)
		if err != nil {
			w.faultf("List: %v", err)
			continue
		}
		n, most := 0, w.signIns[subject]
		for i := range list {
			if list[i].Actor == "" {
				n++
			}
		}
		if w.site.anonymous > 0 && w.site.oldSignIn > 0 {
			most *= 2 // to the anonymous one that is there, and another
		}
		for _, q := range w.requests {
			if q.do == "sign in" && q.with == subject {
				most++
			}
		}
		if w.site.max > 0 && w.site.storeFails == 0 && w.site.goAway == 0 {
			most = min(most, w.site.max)
		}
		if n > most {
			w.faultf("%s has %d sessions, at most %d can be", subject, n, most)
		}
	}
}
