package session

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// A judgement is one line of judge's table, at its boundaries.
type judgement struct {
	name     string
	subject  string
	list     []entry // the ticket in question is the last one
	ended    bool
	unlisted bool // it is not in the list
	want     standing
	why      reason
}

const (
	judgeGrace    = 30 * time.Second
	judgeAbsolute = 24 * time.Hour
)

// judgedAt is when the tests below judge. offer makes an entry that was offered some
// time before.
var judgedAt = start.Add(time.Hour)

func offer(ago time.Duration, more ...func(*entry)) entry {
	e := bareEntry(1)
	e.at = judgedAt.Add(-ago)
	e.steps = []step{{"mfa", after(9)}}
	for _, f := range more {
		f(&e)
	}
	return e
}

func isSeen(e *entry)     { e.seen = 1000 }
func fromBefore(e *entry) { e.before = true }
func inUse(e *entry)      { e.before, e.seen = true, 1000 }
func byLogin(e *entry)    { e.login = true }

func retiredSince(ago time.Duration) func(*entry) {
	return func(e *entry) { e.seen, e.retired = 1000, judgedAt.Add(-ago) }
}

func begun(ago time.Duration) func(*entry) {
	return func(e *entry) { e.started = judgedAt.Add(-ago) }
}

func lives(l lifetime) func(*entry) {
	return func(e *entry) { e.lifetime = l }
}

// until has a ticket end some time from now unless it is used.
func until(in time.Duration) func(*entry) {
	return func(e *entry) { e.until = judgedAt.Add(in) }
}

var judgements = []judgement{
	{name: "seen", list: []entry{offer(0, isSeen)}, want: good, why: isGood},
	{name: "offered just now", list: []entry{offer(0)}, want: good, why: isGood},
	{name: "offered long ago", list: []entry{offer(time.Hour)}, want: good, why: isGood},
	{name: "offered later than now, by another clock", list: []entry{offer(-time.Hour)}, want: good, why: isGood},

	{name: "tombstone", list: []entry{offer(0)}, ended: true, want: quiet, why: isEnded},
	{name: "tombstone that does not list it", list: []entry{offer(0)}, ended: true, unlisted: true, want: quiet, why: isEnded},
	{
		name: "tombstone, from before a login, lost", subject: "ann",
		list: []entry{offer(0, fromBefore)}, ended: true,
		want: quiet, why: isEnded,
	},
	{name: "not listed", list: []entry{offer(0)}, unlisted: true, want: quiet, why: isUnlisted},
	{
		name: "not listed, and the login is lost", subject: "ann",
		list: []entry{offer(time.Hour, byLogin)}, unlisted: true,
		want: quiet, why: isUnlisted,
	},

	{
		name: "from before a login that is on its way", subject: "ann",
		list: []entry{offer(10*time.Minute, byLogin), offer(0, fromBefore)},
		want: quiet, why: isFromBefore,
	},
	{
		name: "from before a login that is lost", subject: "ann",
		list: []entry{offer(10*time.Minute+1, byLogin), offer(0, inUse)},
		want: unknown, why: isFromBefore,
	},
	{
		name: "from before a login that was seen", subject: "ann",
		list: []entry{offer(time.Hour, byLogin, isSeen), offer(0, inUse)},
		want: quiet, why: isFromBefore,
	},
	{
		name: "from before a login that was seen and retired", subject: "ann",
		list: []entry{offer(time.Hour, byLogin, retiredSince(time.Hour)), offer(0, inUse)},
		want: quiet, why: isFromBefore,
	},
	{
		name: "from before two logins of which one is on its way", subject: "ann",
		list: []entry{offer(time.Hour, byLogin), offer(0, byLogin), offer(0, inUse)},
		want: quiet, why: isFromBefore,
	},
	{
		name: "from before a login in a clock's future", subject: "ann",
		list: []entry{offer(-5*time.Minute, byLogin), offer(0, inUse)},
		want: quiet, why: isFromBefore,
	},
	{
		name: "from before a login, retired and expired", subject: "ann",
		list: []entry{offer(0, byLogin), offer(0, retiredSince(0), fromBefore, begun(judgeAbsolute))},
		want: quiet, why: isFromBefore,
	},

	{name: "1 ns before AbsoluteTimeout", list: []entry{offer(0, begun(judgeAbsolute-1))}, want: good, why: isGood},
	{name: "at AbsoluteTimeout, and nobody is signed in", list: []entry{offer(0, begun(judgeAbsolute))}, want: unknown, why: isExpired},
	{
		name: "at AbsoluteTimeout, as all others are", subject: "ann",
		list: []entry{offer(0, isSeen, begun(judgeAbsolute)), offer(0, isSeen, begun(judgeAbsolute))},
		want: unknown, why: isExpired,
	},
	{
		name: "at AbsoluteTimeout, retired", subject: "ann",
		list: []entry{offer(0, isSeen), offer(0, begun(judgeAbsolute), retiredSince(0))},
		want: quiet, why: isExpired,
	},
	{
		name: "at AbsoluteTimeout, the next login is lost", subject: "ann",
		list: []entry{offer(time.Hour, byLogin), offer(time.Hour, begun(judgeAbsolute))},
		want: unknown, why: isExpired,
	},
	{
		name: "at AbsoluteTimeout, the next login is on its way", subject: "ann",
		list: []entry{offer(time.Hour, isSeen), offer(time.Hour, begun(judgeAbsolute))},
		want: quiet, why: isExpired,
	},
	{
		name: "at its own absolute timeout", subject: "ann",
		list: []entry{offer(0, isSeen), offer(0, begun(time.Minute), lives(lifetime{absolute: time.Minute}))},
		want: quiet, why: isExpired,
	},
	{
		name: "before its own absolute timeout",
		list: []entry{offer(0, begun(judgeAbsolute), lives(lifetime{absolute: 2 * judgeAbsolute}))},
		want: good, why: isGood,
	},
	{
		name: "another ticket's timeout is shorter",
		list: []entry{offer(0, begun(time.Minute), lives(lifetime{absolute: time.Minute})), offer(0, begun(time.Hour))},
		want: good, why: isGood,
	},
	{
		name: "at its deadline", subject: "ann",
		list: []entry{offer(0, isSeen), offer(0, lives(lifetime{deadline: judgedAt}))},
		want: quiet, why: isExpired,
	},
	{
		name: "1 ns before its deadline",
		list: []entry{offer(0, lives(lifetime{deadline: judgedAt.Add(1)}))},
		want: good, why: isGood,
	},

	{
		name: "unused for its idle timeout, while another lives longer",
		list: []entry{offer(0, until(0))},
		want: unknown, why: isExpired,
	},
	{name: "1 ns before its idle timeout is over", list: []entry{offer(0, until(1))}, want: good, why: isGood},
	{
		name: "retired, and unused for its idle timeout",
		list: []entry{offer(0, retiredSince(0), until(-1))},
		want: unknown, why: isExpired,
	},
	{
		name: "from before a login, and unused for its idle timeout", subject: "ann",
		list: []entry{offer(0, byLogin), offer(0, fromBefore, until(0))},
		want: quiet, why: isFromBefore,
	},

	{name: "retired just now", list: []entry{offer(0, retiredSince(0))}, want: retired, why: isRetired},
	{
		name: "retired 1 ns before the grace is over",
		list: []entry{offer(0, retiredSince(judgeGrace-1))},
		want: retired, why: isRetired,
	},
	{name: "retired for the grace", list: []entry{offer(0, retiredSince(judgeGrace))}, want: quiet, why: isRetired},
	{
		name: "retired later than now, by another clock",
		list: []entry{offer(0, retiredSince(-time.Minute))},
		want: retired, why: isRetired,
	},
}

func TestEveryLineOfJudgesTable(t *testing.T) {
	t.Parallel()
	at := times{now: judgedAt, grace: judgeGrace, absolute: judgeAbsolute}
	for _, c := range judgements {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st := state{subject: c.subject, ended: c.ended, tickets: make([]entry, len(c.list))}
			for i, e := range c.list {
				e.hash = ticketHash{byte(i)}
				st.tickets[i] = e
			}
			last := st.tickets[len(st.tickets)-1]
			want := verdict{standing: c.want, reason: c.why, rights: last.rights}
			hash := last.hash
			if c.unlisted {
				hash, want.rights = ticketHash{255}, rights{}
			}
			untouched := st
			untouched.tickets = slices.Clone(st.tickets)
			if got := st.judge(hash, at); !reflect.DeepEqual(got, want) {
				t.Errorf("%+v, want %+v", got, want)
			}
			if !reflect.DeepEqual(st, untouched) {
				t.Error("judging has changed the state")
			}
		})
	}
}

// A request that had its session before its ticket was retired keeps it.
func TestARetiredTicketOfARequestUnderWayIsNeverTooOld(t *testing.T) {
	t.Parallel()
	st := state{tickets: []entry{offer(0, retiredSince(1000*time.Hour))}}
	if v := st.judge(st.tickets[0].hash, times{now: judgedAt, grace: underWay, absolute: NoTimeout}); v.standing != retired {
		t.Errorf("%+v", v)
	}
}
