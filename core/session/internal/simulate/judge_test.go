package simulate_test

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A judge knows what visitors may expect. It learns of sessions and tickets from
// what servers answer, and keeps two bounds for whatever is uncertain: what surely
// holds, and what possibly does.
type judge struct {
	w        *world
	breach   *breach
	lives    []*life
	byID     map[string]*life
	tickets  map[string]*ticket
	marks    map[string]*change
	logins   []*act // all that were tried
	endings  []*ending
	draining bool // the run is over; nothing is disturbed any more
}

// A breach is a rule that was broken.
type breach struct{ rule, text string }

func newJudge(w *world) *judge {
	return &judge{w: w, byID: make(map[string]*life), tickets: make(map[string]*ticket), marks: make(map[string]*change)}
}

func (j *judge) ok() bool { return j.breach == nil }

func (j *judge) violatedf(rule, format string, args ...any) {
	if j.breach == nil && !slices.Contains(strings.Split(*ignore, ","), rule) {
		j.breach = &breach{rule, fmt.Sprintf(format, args...)}
		j.w.trace.eventf("JUDGE", "%s: %s", rule, j.breach.text)
	}
}

// A life is one session, from the first ticket to its end.
type life struct {
	id       string
	owner    *client
	logins   []*act
	marks    []*change
	messages []*change

	used       time.Time // when it was surely extended last
	usedAtMost time.Time // when it possibly was

	ended   int // the step from which it is surely over, 0: not
	endedAt time.Time
	clean   bool   // nothing was disturbed while it ended by Destroy: its tombstone is there
	idles   []*act // shorter idle timeouts that were asked for

	mayEnd   int      // the step from which it may be over
	mayEndBy []string // why
	damaged  bool
	record   string // where the store keeps it
}

// A ticket is what was handed out, and what it is good for.
type ticket struct {
	value     string
	life      *life
	proof     proof
	start     time.Time // of AbsoluteTimeout, at the latest
	begun     time.Time // at the earliest
	uncertain bool      // it came with an answer that reported a failure
	presented bool      // by a request that has begun
	seen      bool      // by one that was answered well
	retired   time.Time // since when it surely is, at the latest
	parent    *ticket   // with which it was asked for
	secret    string    // that the forms have which were made with it
}

// A proof is what the holder has shown.
type proof struct {
	subject       string
	authenticated time.Time // at the latest
	level         time.Time // until when
}

// An act is what a request has tried to do to its session.
type act struct {
	q       *request
	kind    actKind
	subject string // of a login
	step    int
	at      time.Time
	acked   int // the step at which it was acknowledged
	ackedAt time.Time
	most    int // how many sessions its subject had at most when it began
	failed  bool
	life    *life // of a login that was acknowledged
	ticket  *ticket
}

type actKind int

const (
	logsIn actKind = iota
	stepsUp
	renews
	shortens // its idle timeout
)

// A change is a mark or a message that a request has made.
type change struct {
	name    string
	message bool
	q       *request
	step    int
	acked   int // the step from which it is surely there
	failed  bool
	life    *life // in which it was acknowledged
	taken   bool  // a message: somebody has read it
	mayBe   bool  // a message: somebody may have
}

// life returns the session with this id, which a request may have begun.
func (j *judge) life(id string, q *request) *life {
	l, ok := j.byID[id]
	if !ok {
		l = &life{id: id, owner: q.client, usedAtMost: time.Now()}
		j.byID[id] = l
		j.lives = append(j.lives, l)
		j.w.trace.session(id)
		for _, e := range j.endings {
			if e.subject == "" && (e.until == 0 || e.until >= q.got) {
				j.mayEndNow(l, e.by)
			}
		}
	}
	return l
}

// shown returns what the judge knows of the ticket that a request presents.
func (j *judge) shown(q *request) *ticket { return j.tickets[q.presented] }

func (j *judge) sent(q *request) {
	if t := j.shown(q); t != nil {
		t.presented = true
		if q.client.plan.thief == current && t.life.owner != q.client {
			// Who holds a current ticket can move the session, and so drive the browser
			// out: a known limit.
			j.mayEndNow(t.life, "theft")
		}
		if q.client.plan.thief != honest && slices.ContainsFunc(j.w.servers, func(s *server) bool { return s.options.Binding.UserAgent }) {
			j.mayEndNow(t.life, "binding")
		}
	}
}

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
	return l.mayEnd == 0 && l.ended == 0 && !l.damaged && j.inTime(l)
}

// inTime reports whether no timeout can be over yet.
func (j *judge) inTime(l *life) bool {
	least := j.leastIdle(l)
	return time.Since(l.used) < least-least/10 && j.firstTicketAge(l) < j.least(absolute)
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
	return l.ended == 0 && time.Since(l.usedAtMost) < j.mostIdle(l)
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
		reset := slices.ContainsFunc(l.logins, func(o *act) bool { return !o.failed && (o.acked == 0 || o.acked >= a.step) })
		if a.acked > 0 && !reset {
			return shortIdle
		}
	}
	return j.most(idle)
}

// mayBeRetired reports whether a newer ticket of its session has possibly retired a
// ticket.
func (j *judge) mayBeRetired(t *ticket) bool {
	for _, o := range j.tickets {
		if o != t && o.life == t.life && o.presented {
			return true
		}
	}
	return false
}

// mayBe reports whether a session is possibly somebody's.
func (l *life) mayBe(subject string) bool {
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
	for _, a := range l.logins {
		if !a.failed {
			return true
		}
	}
	return false
}

func (l *life) subject() string {
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
