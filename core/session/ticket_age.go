package session

import "time"

// maxRenewPause is how rarely, at the least, a ticket is offered to a client that
// never takes one; RenewEvery, if that is longer.
const maxRenewPause = lostAfter

// renewDue reports whether a ticket is to be replaced because of its age, or
// because a key or an attribute of the cookie has changed since it was made.
// Anonymous sessions keep their ticket: nothing is gained by a newer one, and a
// late answer would overwrite a login's.
func (m *Manager) renewDue(st *state, hash ticketHash, now time.Time) bool {
	e := st.entry(hash)
	if st.subject == "" || st.actor != "" || e == nil || e.acts() || e.isRetired() || e.before {
		return false
	}
	age := now.Sub(e.at)
	tooOld := m.opts.RenewEvery > 0 && age >= m.opts.RenewEvery
	outdated := e.form != m.form && age >= m.opts.RenewGrace // processes with other options may serve the next request
	if !tooOld && !outdated || len(st.tickets) >= maxEntries && st.expendable(hash, now) < 0 {
		return false
	}
	for i := range st.tickets {
		if o := &st.tickets[i]; o.pending() && o.hash != hash && now.Sub(o.at) < m.opts.RenewGrace {
			return false // its answer may be on the way
		}
	}
	if st.untaken == 0 {
		return true
	}
	pause := max(m.opts.RenewEvery, maxRenewPause)
	if p := m.opts.RenewGrace << min(st.untaken, 16); p > 0 {
		pause = min(pause, p)
	}
	return now.Sub(st.aged) >= pause
}
