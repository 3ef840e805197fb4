package session

import (
	"fmt"
	"time"
)

// Remember keeps the visitor signed in for d: it is "remember me" of a login form. The
// browser keeps the cookie when it is closed, and the session ends d after the login,
// instead of after [Options].IdleTimeout and AbsoluteTimeout. Call it in the request that
// calls [Session.Authenticate]. The next login undoes it, unless its request calls
// Remember again.
//
// If d is not positive, or NoTimeout, the commit fails with [ErrInvalid] and nothing is
// saved: a session must end some time. The browser learns of it with a new ticket; see
// [Session.Renew] for what that needs. Browsers keep a cookie for 400 days at most.
func (s *Session) Remember(d time.Duration) {
	if d <= 0 || d == NoTimeout { // which would leave no timeout
		s.fail(fmt.Errorf("%w: Remember(%v): the time has to be positive, and to end", ErrInvalid, d))
		return
	}
	s.limit(true, func(l *lifetime) { l.persistence, l.idle, l.absolute = persistYes, d, d })
}

// SetPersistent decides for this session, in the place of [Cookie].Persistent,
// whether the browser keeps the cookie when it is closed. The timeouts stay as
// they are; [Session.Remember] changes them as well. The next login undoes it,
// unless its request calls SetPersistent again.
//
// The browser learns of it with a new ticket; see [Session.Renew] for what that
// needs. The cookie of an anonymous session is set once, when the session is new;
// afterwards SetPersistent has no effect on it.
func (s *Session) SetPersistent(persistent bool) {
	p := persistNo
	if persistent {
		p = persistYes
	}
	s.limit(true, func(l *lifetime) { l.persistence = p })
}

// SetIdleTimeout gives this session an idle timeout of its own, in the place of
// [Options].IdleTimeout; 0 goes back to that. [NoTimeout] leaves only the absolute
// timeout, which bounds the session in any case. Reading such a session extends it
// when that moves its expiry by a tenth. The next login undoes it, unless its
// request calls SetIdleTimeout again.
//
// A negative d, or NoTimeout where AbsoluteTimeout is NoTimeout too, is an
// [ErrInvalid] at commit; nothing is saved.
func (s *Session) SetIdleTimeout(d time.Duration) {
	if d < 0 || d == NoTimeout && s.m.opts.AbsoluteTimeout == NoTimeout {
		s.fail(fmt.Errorf("%w: SetIdleTimeout(%v): it is negative, or leaves no timeout", ErrInvalid, d))
		return
	}
	s.limit(false, func(l *lifetime) { l.idle = d })
}

// SetDeadline ends the session at t at the latest, whatever the timeouts would
// allow: when what an identity provider has vouched for runs out, for instance
// (ASVS 7.6.1). It can be called again with another time; the zero time takes it
// back. The next login undoes it, unless its request calls SetDeadline again.
//
// A time that is not in the future is an [ErrInvalid] at commit; nothing is
// saved.
func (s *Session) SetDeadline(t time.Time) {
	if !t.IsZero() {
		if t = earlier(t, maxExpires).Round(0).UTC(); !wallNow().Before(t) { // what can be stored
			s.fail(fmt.Errorf("%w: SetDeadline(%v): the time is past", ErrInvalid, t))
			return
		}
	}
	s.limit(false, func(l *lifetime) { l.deadline = t })
}

// limit changes the lifetime of the login that the request's ticket is of. If the
// cookie changes with it, the next commit offers a new ticket.
func (s *Session) limit(cookie bool, set func(*lifetime)) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own != nil {
		s.failLocked(fmt.Errorf("%w: another lifetime while impersonating", ErrInvalid))
		return
	}
	s.changeLocked(func(v *view) error {
		set(&v.lifetime)
		v.asked = new(v.asked.orNone()) // views share what it points to
		set(v.asked)
		v.limits = true
		return nil
	})
	if cookie && s.m.opts.Header == "" {
		s.offerLocked()
	}
}

// limitAll gives the lifetime that the request has set to all tickets of the session:
// one of them may be on its way to the visitor. A login sets that of its own ticket.
func (v *view) limitAll(login bool) {
	for i := range v.tickets {
		if v.limits && !login {
			v.tickets[i].lifetime = v.lifetime
		}
	}
}

// maxExpires is the last whole second that a record may expire at.
var maxExpires = time.Unix(1<<63/1_000_000_000-1, 0)

// endsBy returns when a ticket ends, however much it is used. absolute is Options'.
func (r *rights) endsBy(absolute time.Duration) time.Time {
	end := maxExpires
	if r.absolute != 0 {
		absolute = r.absolute
	}
	if absolute != NoTimeout {
		end = earlier(end, r.started.Add(absolute))
	}
	if !r.deadline.IsZero() {
		end = earlier(end, r.deadline)
	}
	return end
}

// idleOr returns the idle timeout of a ticket, where timeout is Options'.
func (l *lifetime) idleOr(timeout time.Duration) time.Duration {
	if l.idle != 0 {
		return l.idle
	}
	return timeout
}

// endOf returns when a ticket ends that is used at now.
func (m *Manager) endOf(r *rights, now time.Time) time.Time {
	end := r.endsBy(m.opts.AbsoluteTimeout)
	if idle := r.idleOr(m.opts.IdleTimeout); idle != NoTimeout {
		end = earlier(end, now.Add(idle))
	}
	return end
}

// expires returns when a session ends whose ticket, of this hash, is used at now, and
// notes of each ticket if it ends before that. Other tickets that the visitor has shown
// end as late as before, and all do if the request does not use the session: prior is
// when the record would have expired.
func (m *Manager) expires(v *view, used ticketHash, uses bool, now, prior time.Time) time.Time {
	expires := m.endOf(&v.rights, now)
	if !uses {
		expires = earlier(expires, prior)
	}
	for i := range v.tickets {
		if e := &v.tickets[i]; !e.before && !e.isRetired() {
			end := m.endOf(&e.rights, now)
			if !uses || e.hash != used && !e.pending() { // nor on its way to the visitor who uses the session
				end = earlier(end, e.endedBy(prior))
			}
			e.until = end
			expires = later(expires, end)
		}
	}
	for i := range v.tickets {
		if e := &v.tickets[i]; !e.until.Before(expires) {
			e.until = time.Time{}
		}
	}
	return expires
}

// endedBy returns when a ticket ends unless it is used, where the record expires at
// expires.
func (e *entry) endedBy(expires time.Time) time.Time {
	if e.until.IsZero() {
		return expires
	}
	return e.until
}

// over reports whether a session has ended that v shows, however much it was used:
// all its tickets have.
func (m *Manager) over(v *view, now time.Time) bool {
	for i := range v.tickets {
		if e := &v.tickets[i]; !e.before && now.Before(e.endsBy(m.opts.AbsoluteTimeout)) {
			return false
		}
	}
	return true
}

// touchDue reports whether using a ticket now moves its end far enough to be worth a
// write. It moves back if a longer idle timeout was meanwhile taken away; up to an idle
// timeout may be the difference between two clocks.
func (m *Manager) touchDue(r *rights, end, now time.Time) bool {
	interval := m.opts.TouchInterval
	idle := r.idleOr(m.opts.IdleTimeout)
	switch {
	case idle == NoTimeout:
		return false
	case r.idle != 0:
		interval = r.idle / touchFraction
	}
	further := m.endOf(r, now).Sub(end)
	return further >= interval || -further > idle
}

// lastSeen returns when a session that expires then was last extended. The idle
// timeout may have been changed since.
func (m *Manager) lastSeen(st *state, expires time.Time) time.Time {
	var latest rights // of the latest login
	for i := range st.tickets {
		if e := &st.tickets[i]; !e.before && e.started.After(latest.started) {
			latest = e.rights
		}
	}
	idle := latest.idleOr(m.opts.IdleTimeout)
	if idle == NoTimeout {
		return latest.started
	}
	if seen := expires.Add(-idle); seen.After(latest.started) {
		return earlier(seen, wallNow())
	}
	return latest.started
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}
