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

	ended     int // the step from which it is surely over, 0: not
	endedAt   time.Time
	clean     bool   // nothing was disturbed while it ended by Destroy: its tombstone is there
	idles     []*act // shorter idle timeouts that were asked for
	disturbed int    // how many requests were, which may have left tickets that nobody has

	mayEnd   int      // the step from which it may be over
	mayEndBy []string // why
	damaged  bool
	record   string // where the store keeps it
	ghost    bool   // a Create of it has landed after it was over: it is in lists, and nobody has a ticket for it

	own *life  // whoever acts in it has this one of their own; nil: nobody acts
	as  string // and acts as this subject
}

// A ticket is what was handed out, and what it is good for.
type ticket struct {
	value     string
	no        int // in the order in which they were handed out
	life      *life
	proof     proof
	start     time.Time // of AbsoluteTimeout, at the latest
	begun     time.Time // at the earliest
	uncertain bool      // it came with an answer that reported a failure, or too late
	dropped   int       // the step from which it is surely worthless, because nobody has taken it
	presented bool      // by a request that has begun
	seen      bool      // by one that was answered well
	handed    time.Time
	retired   time.Time // since when it surely is, at the latest
	retiredAt int       // the step
	parent    *ticket   // with which it was asked for
	secret    string    // that the forms have which were made with it
	back      *ticket   // with which its holder began to act as another; nil: they don't
}

// A proof is what the holder has shown.
type proof struct {
	subject       string
	authenticated time.Time // at the latest
	again         time.Time // when they reauthenticated
	level         time.Time // until when
	login         *act
}

// An act is what a request has tried to do to its session.
type act struct {
	q          *request
	kind       actKind
	subject    string // of a login
	step       int
	at         time.Time
	acked      int // the step at which it was acknowledged
	ackedAt    time.Time
	most       int // how many sessions its subject had at most when it began
	failed     bool
	remembered bool  // a login that is to last
	life       *life // of a login that was acknowledged
	ticket     *ticket
	of         *act // the login whose timeout it shortens; nil: of an anonymous session
}

type actKind int

const (
	logsIn actKind = iota
	reauthenticates
	stepsUp
	renews
	shortens // its idle timeout
	impersonates
	returns // from that
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

// shown returns what the judge knows of the ticket that a request presents. Of two it is
// the one that has shown it what it sees, and before that the newer.
func (j *judge) shown(q *request) *ticket {
	t := j.tickets[q.presented]
	if old := j.tickets[q.older]; old != nil && q.s != nil && old.life.id == q.first.id && (t == nil || t.life != old.life) {
		return old
	}
	return t
}

// brought returns what the judge knows of all tickets that a request presents.
func (j *judge) brought(q *request) []*ticket {
	var all []*ticket
	for _, value := range []string{q.presented, q.older} {
		if t := j.tickets[value]; t != nil {
			all = append(all, t)
		}
	}
	return all
}

func (j *judge) sent(q *request) {
	for _, t := range j.brought(q) {
		t.presented = true
		if q.client.plan.thief == current && t.life.owner != q.client {
			// Who holds a current ticket can move the session, and so drive the browser
			// out: a known limit.
			j.mayEndNow(t.life, "theft")
			if t.back != nil {
				j.mayEndNow(t.back.life, "theft")
			}
		}
		if q.client.plan.thief != honest && slices.ContainsFunc(j.w.servers, func(s *server) bool { return s.options.Binding.UserAgent }) {
			j.mayEndNow(t.life, "binding")
			if t.back != nil {
				j.mayEndNow(t.back.life, "binding")
			}
		}
	}
	j.count() // a login that counted as lost is not
}
