package session

import "time"

// This file is the barrier against session fixation and the first to read in a
// review: [state.judge] alone decides what a ticket is good for. It is asked at
// every load and whenever changes are made again on a newer record. It reads
// nothing but its arguments.
//
// A record lists the tickets of its session. What a ticket is good for depends on
// the record and on the ticket's entry, in this order:
//
//	the session has ended (tombstone)      quiet
//	the ticket is not listed               quiet
//	it is from before the first login      quiet; unknown once that login is lost
//	not used within its own idle timeout   unknown
//	its AbsoluteTimeout has passed         quiet; unknown once the login is lost, or nobody is signed in
//	retired, for longer than the grace     quiet
//	retired, within the grace              retired
//	else                                   good
//
// The record's expiry keeps idle timeouts, unless another ticket's is longer. A login is
// lost when nobody has presented one of its tickets for [lostAfter]. Where nobody is
// signed in, the ticket is the only one, and the session is over with it: the record
// lives longer than that if Options.AbsoluteTimeout was longer when it was written.

// A standing says what a request may do with the ticket that it brought.
type standing uint8

const (
	unknown standing = iota // as if there were no record: a new visitor
	quiet                   // reads nothing, stores nothing and gets no ticket; may join by signing in
	retired                 // reads and writes, gets no ticket
	good                    // all that the ticket's rights allow
)

// A reason says which line of the table applied.
type reason uint8

const (
	isGood reason = iota
	isRetired
	isEnded
	isUnlisted
	isFromBefore
	isExpired
	isOver       // it led to a session in which its holder has acted: no line of judge's
	isUnreadable // the record is there but can't be decoded: no line of judge's
)

// rights are what a ticket is good for, and for how long. Values belong to the session
// and are the same for all its tickets; rights are each ticket's own.
type rights struct {
	lifetime

	authenticated time.Time     // when its holder last proved who they are; zero: never
	started       time.Time     // when AbsoluteTimeout began to run
	steps         []step        // the levels that its holder has stepped up to, by name
	seed          [seedLen]byte // what Session.Secret derives from
}

// A lifetime is what a login has in the place of Options. The next login begins without
// it.
type lifetime struct {
	deadline    time.Time     // ends it before AbsoluteTimeout; zero: not
	idle        time.Duration // 0: Options.IdleTimeout
	absolute    time.Duration // 0: Options.AbsoluteTimeout
	persistence persistence   // in the place of Cookie.Persistent
}

// orNone returns what l points to.
func (l *lifetime) orNone() lifetime {
	if l == nil {
		return lifetime{}
	}
	return *l
}

// A verdict is what judge has found.
type verdict struct {
	standing standing
	reason   reason
	rights   rights // of the ticket's entry, also if the verdict is quiet; zero if it is not listed
}

// times are what a verdict depends on besides the record.
type times struct {
	now      time.Time
	grace    time.Duration // for how long a retired ticket works on
	absolute time.Duration // Options.AbsoluteTimeout
}

// judge returns what the ticket with this hash is good for.
func (st *state) judge(hash ticketHash, t times) verdict {
	v := verdict{standing: quiet}
	e := st.entry(hash)
	if e != nil {
		v.rights = e.rights
	}
	switch {
	case st.ended:
		v.reason = isEnded
	case e == nil:
		v.reason = isUnlisted
	case e.before:
		v.reason = isFromBefore
	case !e.until.IsZero() && !t.now.Before(e.until):
		v.standing, v.reason = unknown, isExpired
	case !t.now.Before(e.endsBy(t.absolute)):
		v.reason = isExpired
	case e.isRetired():
		v.reason = isRetired
		if t.now.Sub(e.retired) < t.grace {
			v.standing = retired
		}
	default:
		v.standing, v.reason = good, isGood
	}
	over := v.reason == isExpired && st.subject == ""
	if over || (v.reason == isFromBefore || v.reason == isExpired) && st.lost(t.now, t.absolute) {
		v.standing = unknown
	}
	return v
}
