package simulate_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// A kind is what a request is for, and what the application does with it.
type kind struct {
	name      string
	form      bool // a visitor may send it twice
	crossSite bool // it comes from another site's page
	passive   bool // it does not count as a use of the session
	nested    bool // a mistake of the programmer's: two Managers have one cookie
	run       func(q *request, w http.ResponseWriter, r *http.Request) error
}

const levelLife = 20 * time.Minute

// streams is where a response takes long.
const streams = "streams"

var visit = kind{name: "visit", run: func(*request, http.ResponseWriter, *http.Request) error { return nil }}

// write adds a mark to a list, as a cart does.
var write = kind{name: "write", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
	q.mark()
	return q.perhapsCommit(r)
}}

// login has a password hash to wait for.
var login = kind{name: "login", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
	q.task.pause("hashes a password")
	q.authenticate(q.client.plan.account)
	if q.no%3 == 0 {
		q.mark()
	}
	if q.no%4 == 0 {
		q.remember()
	}
	return q.perhapsCommit(r)
}}

var renew = kind{name: "renew", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
	q.w.judge.renews(q)
	q.s.Renew()
	return q.perhapsCommit(r)
}}

var kinds = []kind{
	renew,
	{name: "slow write", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.task.pause("works")
		q.mark()
		q.task.pause("works")
		return q.perhapsCommit(r)
	}},
	{name: "slow read", run: func(q *request, _ http.ResponseWriter, _ *http.Request) error {
		q.task.pause("works")
		return nil
	}},
	{name: "login as carl", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.task.pause("hashes a password")
		q.authenticate(q.client.other())
		return q.perhapsCommit(r)
	}},
	{name: "step up", form: true, run: itself(signedIn(func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.task.pause("checks a code")
		q.stepUp()
		return q.perhapsCommit(r)
	}))},
	{name: "password again", form: true, run: itself(signedIn(func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.task.pause("hashes a password")
		q.reauthenticate()
		return q.perhapsCommit(r)
	}))},
	{name: "logout", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.destroy()
		return q.perhapsCommit(r)
	}},
	{name: "end others", form: true, run: signedIn((*request).endOthers)},
	{name: "leave message", form: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.flash()
		return q.perhapsCommit(r)
	}},
	{name: "read messages", run: (*request).takeMessages},
	{name: "public computer", form: true, run: itself(func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.shorten()
		return q.perhapsCommit(r)
	})},
	{name: "form", run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.secret = string(q.s.Secret("form"))
		q.w.judge.secretOf(q, q.secret)
		return q.perhapsCommit(r)
	}},
	{name: "peek", passive: true, run: visit.run},
	{name: "reload", run: func(q *request, w http.ResponseWriter, r *http.Request) error {
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		q.headerLeft()
		q.task.pause(streams)
		return q.reload(r)
	}},
	{name: "stream", run: func(q *request, w http.ResponseWriter, r *http.Request) error {
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		q.headerLeft()
		q.task.pause(streams)
		q.mark()
		return q.commit(r)
	}},
	{name: "late login", run: func(q *request, w http.ResponseWriter, r *http.Request) error {
		if err := http.NewResponseController(w).Flush(); err != nil {
			return err
		}
		q.headerLeft()
		q.authenticate(q.client.plan.account)
		return q.commit(r)
	}},
	{name: "upgrade", run: func(q *request, w http.ResponseWriter, r *http.Request) error {
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			return err
		}
		q.headerLeft()
		q.task.pause("speaks another protocol")
		q.mark()
		return q.commit(r)
	}},
	{name: "upgrade and login", run: func(q *request, w http.ResponseWriter, r *http.Request) error {
		if _, _, err := http.NewResponseController(w).Hijack(); err != nil {
			return err
		}
		q.headerLeft()
		q.authenticate(q.client.plan.account)
		return q.commit(r)
	}},
	{name: "two managers", nested: true, run: func(q *request, _ http.ResponseWriter, r *http.Request) error {
		q.mark()
		if s, err := q.outer.Get(r); err == nil {
			marks.Set(s, nil)
		}
		q.task.settle()
		return nil
	}},
	{name: "return from elsewhere", crossSite: true, run: func(q *request, _ http.ResponseWriter, _ *http.Request) error {
		q.mark()
		return nil
	}},
}

func kindNamed(name string) kind {
	i := slices.IndexFunc(kinds, func(k kind) bool { return k.name == name })
	return kinds[i]
}

// signedIn asks for a visitor who is.
func signedIn(f func(*request, http.ResponseWriter, *http.Request) error) func(*request, http.ResponseWriter, *http.Request) error {
	return func(q *request, w http.ResponseWriter, r *http.Request) error {
		if q.s.Subject() == "" {
			w.WriteHeader(http.StatusUnauthorized)
			return nil
		}
		return f(q, w, r)
	}
}

// perhapsCommit commits in half of the requests, and leaves it to the package in
// the others.
func (q *request) perhapsCommit(r *http.Request) error {
	if q.no%2 == 0 {
		return nil
	}
	return q.commit(r)
}

func (q *request) commit(r *http.Request) error {
	began := q.w.step
	q.task.enter()
	err := q.s.Commit(r.Context())
	if err != nil && q.no%3 == 0 && r.Context().Err() == nil && session.StatusCode(err) == http.StatusServiceUnavailable {
		q.task.enter()
		err = q.s.Commit(r.Context()) // as its documentation allows
	}
	if isRefusal(err) && q.no%3 > 0 { // it does not become true by asking again
		q.task.enter()
		if again := q.s.Commit(r.Context()); again == nil {
			q.w.judge.violatedf("refused", "%s commits again after %v, and is told that all is saved", q.name(), err)
		}
	}
	q.task.leave()
	q.w.trace.eventf(q.name(), "commits: %v", err)
	q.w.judge.committed(q, began, err)
	return err
}

// isRefusal reports whether an error of Commit is final.
func isRefusal(err error) bool {
	return slices.ContainsFunc([]error{session.ErrTooManySessions, session.ErrHeaderSent, session.ErrRetired, session.ErrNotFound},
		func(refusal error) bool { return errors.Is(err, refusal) })
}

func (q *request) reload(r *http.Request) error {
	began := q.w.step
	q.task.enter()
	err := q.s.Reload(r.Context())
	q.task.leave()
	see := look(q.s)
	q.w.trace.eventf(q.name(), "reloads: %v, sees %s", err, q.w.trace.seen(see))
	q.w.judge.reloaded(q, began, see, err)
	return nil
}

func (q *request) mark() {
	m := fmt.Sprintf("m%d", q.no)
	q.w.judge.changes(q, m, false)
	marks.Update(q.s, func(list []string) []string { return append(list, m) })
}

func (q *request) flash() {
	m := fmt.Sprintf("f%d", q.no)
	q.w.judge.changes(q, m, true)
	q.s.Flash("", m)
}

func (q *request) takeMessages(_ http.ResponseWriter, r *http.Request) error {
	q.task.enter()
	list, err := q.s.Flashes(r.Context())
	q.task.leave()
	q.w.trace.eventf(q.name(), "takes %v, %v", list, err)
	q.w.judge.tookMessages(q, list, err)
	return err
}

func (q *request) authenticate(subject string) {
	q.w.judge.logsIn(q, subject)
	q.s.Authenticate(subject)
}

func (q *request) reauthenticate() {
	q.w.judge.reauthenticates(q)
	q.s.Reauthenticate()
}

func (q *request) stepUp() {
	q.w.judge.stepsUp(q)
	q.s.StepUp(levelA, levelLife)
}

func (q *request) shorten() {
	q.w.judge.shortens(q)
	q.s.SetIdleTimeout(shortIdle)
}

func (q *request) remember() {
	q.w.judge.remembers(q)
	q.s.Remember(remembered)
}

func (q *request) destroy() {
	q.w.judge.destroys(q)
	q.s.Destroy()
}

func (q *request) endOthers(_ http.ResponseWriter, r *http.Request) error {
	e := q.w.judge.endsOthers(q)
	q.task.enter()
	n, err := q.s.EndOthers(r.Context())
	q.task.leave()
	q.w.trace.eventf(q.name(), "ends %d others: %v", n, err)
	q.w.judge.endedOthers(q, e, err)
	return err
}
