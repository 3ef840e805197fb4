package session

import (
	"slices"
	"sync"
	"time"
)

const (
	// maxEntries bounds a record's list of tickets.
	maxEntries = 8

	// lostAfter is how long an offer may stay unseen. After that nobody is
	// waiting for its answer any more. Clocks may differ by half of it.
	lostAfter = 10 * time.Minute

	// sharedFor is how long more answers may hand a ticket out after the first: the last
	// of them has to arrive before it is lost.
	sharedFor = time.Minute
)

// A ticketHash identifies a ticket in its record, which holds no secret.
type ticketHash [16]byte

// An entry is one ticket in a record's list. A ticket is offered in one answer,
// which may be lost; the first request that presents it shows that it was seen.
type entry struct {
	rights

	hash    ticketHash
	offered uint64    // its number, from state.count
	seen    uint64    // the number at which it was first presented; 0: not yet
	at      time.Time // when it was offered
	retired time.Time // when a newer ticket took its place; zero: not
	until   time.Time // when it ends unless it is used, if the record lives longer for another; zero: with the record
	before  bool      // from before the session's first login
	login   bool      // Authenticate has offered it
	shared  bool      // several answers may hand it out, see MoveIn
	as      recordID  // the record of the session in which its holder acts; zero: this one
	form    uint32    // the key and the cookie attributes that it was made with, see Manager.form
}

func (e *entry) isRetired() bool { return !e.retired.IsZero() }

// current reports whether the ticket is in use.
func (e *entry) current() bool { return e.seen != 0 && !e.isRetired() && !e.before }

// pending reports whether the ticket was offered and not seen yet.
func (e *entry) pending() bool { return e.seen == 0 && !e.before && !e.isRetired() }

// stale reports whether nobody is waiting for the answer with this ticket any
// more. A negative age, by another process's clock, is none.
func (e *entry) stale(now time.Time) bool { return e.pending() && now.Sub(e.at) > lostAfter }

func (st *state) entry(hash ticketHash) *entry {
	for i := range st.tickets {
		if st.tickets[i].hash == hash {
			return &st.tickets[i]
		}
	}
	return nil
}

// mayHaveListed reports whether a ticket that is not listed may have been. One offer and
// its sight count two; with no more, the record is what a Create has left that landed
// after its session had ended, see newTicket.
func (st *state) mayHaveListed() bool { return st.count > 2 }

// unseen reports whether the visitor has shown with this request, for the first
// time, that they have got their ticket.
func (v *view) unseen(t held) bool {
	e := v.entry(t.hash)
	return e != nil && e.pending() && !t.offered && !t.doubted
}

// lost reports whether the login's tickets have stayed unseen for too long: the
// visitor never learned of it. A ticket whose own time is over says nothing. absolute
// is Options.AbsoluteTimeout.
func (st *state) lost(now time.Time, absolute time.Duration) bool {
	if st.subject == "" {
		return false
	}
	for i := range st.tickets {
		if e := &st.tickets[i]; !e.before && !e.stale(now) && now.Before(e.endsBy(absolute)) {
			return false
		}
	}
	return true
}

// see notes that a ticket was presented. It retires those that had been seen
// before it was offered; offers beside it stay good, because either answer may
// be the one that the visitor has got. One that is shared is such an offer again: another
// answer may still bring it. It retires none itself: who has got it has shown another
// system's session, and proved nothing here.
func (st *state) see(hash ticketHash, now time.Time) {
	e := st.entry(hash)
	if e == nil || !e.pending() {
		return
	}
	st.count++
	e.seen = st.count
	st.untaken = 0
	if e.shared {
		return
	}
	for i := range st.tickets {
		switch o := &st.tickets[i]; {
		case !o.current() || o.seen > e.offered:
		case o.shared && now.Sub(o.at) <= lostAfter:
			o.seen = 0
		default:
			o.retired = now
		}
	}
}

// offer appends a ticket to the list, and reports whether there was room for it.
// presented is the ticket that the request has brought: it stays. For a request
// that joins, it is zero.
func (st *state) offer(e entry, presented ticketHash, now time.Time) bool {
	for len(st.tickets) >= maxEntries {
		i := st.expendable(presented, now)
		if i < 0 {
			return false
		}
		st.tickets = slices.Delete(st.tickets, i, i+1)
	}
	st.count++
	e.offered = st.count
	st.tickets = append(st.tickets, e)
	return true
}

// expendable returns which entry makes room for another: one from before a
// login, a retired one, a stale offer, in this order, the oldest first. If all
// tickets are in use, because many requests have joined, it is the one seen first.
// Otherwise there is none: all are on their way to the visitor.
func (st *state) expendable(presented ticketHash, now time.Time) int {
	classes := []func(*entry) bool{
		func(e *entry) bool { return e.before },
		(*entry).isRetired,
		func(e *entry) bool { return e.stale(now) },
	}
	for _, in := range classes {
		for i := range st.tickets { // in the order in which they were offered
			if e := &st.tickets[i]; in(e) && e.hash != presented {
				return i
			}
		}
	}
	first := -1
	for i := range st.tickets {
		switch e := &st.tickets[i]; {
		case !e.current():
			return -1
		case e.hash != presented && (first < 0 || e.seen < st.tickets[first].seen):
			first = i
		}
	}
	return first
}

// dropBanked removes offers that nobody has taken, so that nobody keeps one for
// later. A request that began while an offer was on its way proves nothing about
// it: began is when the one that writes did.
func (st *state) dropBanked(presented ticketHash, began time.Time) {
	st.tickets = slices.DeleteFunc(st.tickets, func(e entry) bool { return e.hash != presented && e.stale(began) })
}

// dropLogin makes room for a login where others that nobody has presented have taken all
// of it: it removes the oldest, and reports whether it has. over is when a commit began
// that has come to its end by now. So somebody who signs in again and again while the
// store fails can do so when it works, whichever process they reach. One that is younger
// may be in an answer on its way.
func (st *state) dropLogin(presented ticketHash, over time.Time) bool {
	i := slices.IndexFunc(st.tickets, func(e entry) bool {
		return e.login && e.pending() && e.hash != presented && e.at.Before(over)
	})
	if i >= 0 {
		st.tickets = slices.Delete(st.tickets, i, i+1)
	}
	return i >= 0
}

// withheld are the last tickets that this process has offered, or may have, and then not
// handed out, because the commit has failed: nobody will ever present them. The zero value
// is ready to use. It is safe for concurrent use.
type withheld struct {
	mu    sync.Mutex
	last  [256]ticketHash // the oldest is replaced
	place int
}

func (w *withheld) add(hash ticketHash) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.last[w.place] = hash
	w.place = (w.place + 1) % len(w.last)
}

// addAll adds the tickets that attempts were to offer.
func (w *withheld) addAll(tried []attempt) {
	for i := range tried {
		if a := &tried[i]; a.left.hand {
			w.add(a.ticket.hash)
		}
	}
}

func (w *withheld) has(hash ticketHash) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Contains(w.last[:], hash)
}

// withheld reports whether the visitor has no ticket of the session. One that several answers may
// hand out is in another, perhaps. One from before the login is good for signing in again.
func (st *state) withheld(w *withheld) bool {
	return !slices.ContainsFunc(st.tickets, func(e entry) bool {
		return e.before || e.seen != 0 || e.shared || !w.has(e.hash)
	})
}

// dropWithheld makes room by the oldest ticket that was not handed out, and reports whether
// there was one.
func (st *state) dropWithheld(w *withheld) bool {
	i := slices.IndexFunc(st.tickets, func(e entry) bool { return e.pending() && w.has(e.hash) })
	if i >= 0 {
		st.tickets = slices.Delete(st.tickets, i, i+1)
	}
	return i >= 0
}

// retireBefore notes that the session's first login makes all tickets that were
// handed out before it worthless.
func (st *state) retireBefore() {
	st.tickets = slices.Clone(st.tickets)
	for i := range st.tickets {
		st.tickets[i].before = true
	}
}

// loginSeen reports whether the visitor has received a ticket of the login.
func (st *state) loginSeen() bool {
	return slices.ContainsFunc(st.tickets, func(e entry) bool { return !e.before && e.seen != 0 })
}

// newestStart returns when the youngest ticket's AbsoluteTimeout began to run, and
// lastLogin when the visitor last proved who they are.
func (st *state) newestStart() time.Time {
	return st.latest(func(e *entry) time.Time { return e.started })
}

func (st *state) lastLogin() time.Time {
	return st.latest(func(e *entry) time.Time { return e.authenticated })
}

func (st *state) latest(of func(*entry) time.Time) (latest time.Time) {
	for i := range st.tickets {
		if t := of(&st.tickets[i]); !st.tickets[i].before && t.After(latest) {
			latest = t
		}
	}
	return latest
}
