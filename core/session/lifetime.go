package session

import (
	"fmt"
	"time"
)

// maxExpires is the last whole second that a record may expire at.
var maxExpires = time.Unix(1<<63/1_000_000_000-1, 0)

// SetPersistent decides for this session, in the place of
// [Cookie].Persistent, whether the browser keeps the cookie when it is closed:
// "remember me". How long the session lives is decided by the timeouts; see
// [Session.SetIdleTimeout]. The cookie is sent again, so that the response header
// must not have left; else the commit fails with [ErrHeaderSent].
func (s *Session) SetPersistent(persistent bool) {
	p := persistNo
	if persistent {
		p = persistYes
	}
	s.change(func(st *state) error {
		st.persistence, st.resend = p, true
		return nil
	})
}

// SetIdleTimeout gives this session an idle timeout of its own, in the place of
// [Options].IdleTimeout; 0 goes back to that. [NoTimeout] leaves only
// AbsoluteTimeout. Reading such a session extends it when that moves its expiry by
// a tenth. AbsoluteTimeout bounds it in any case.
//
// A negative d, or NoTimeout where AbsoluteTimeout is NoTimeout too, is an
// [ErrInvalid] at commit; nothing is saved.
func (s *Session) SetIdleTimeout(d time.Duration) {
	if d < 0 || d == NoTimeout && s.m.opts.AbsoluteTimeout == NoTimeout {
		s.fail(fmt.Errorf("%w: SetIdleTimeout(%v)", ErrInvalid, d))
		return
	}
	s.change(func(st *state) error {
		st.idle = d
		return nil
	})
}

// SetDeadline ends the session at t at the latest, whatever the timeouts would
// allow: when what an identity provider has vouched for runs out, for instance
// (ASVS 7.6.1). It can be called again with another time; the zero time takes it
// back. It survives Authenticate of the same subject.
//
// A time that is not in the future is an [ErrInvalid] at commit; nothing is
// saved.
func (s *Session) SetDeadline(t time.Time) {
	if !t.IsZero() {
		if t = earlier(t, maxExpires).Round(0).UTC(); !wallNow().Before(t) { // what can be stored
			s.fail(fmt.Errorf("%w: SetDeadline(%v)", ErrInvalid, t))
			return
		}
	}
	s.change(func(st *state) error {
		st.deadline, st.point = t, st.point || st.external != ""
		return nil
	})
}

// live reports whether a session has neither expired nor ended.
func (m *Manager) live(st *state, expires time.Time) bool {
	now := wallNow()
	return !st.ended && now.Before(expires) && now.Before(m.deadline(st))
}

// expires returns when a session that is used at now ends.
func (m *Manager) expires(st *state, now time.Time) time.Time {
	deadline := m.deadline(st)
	if m.idle(st) == NoTimeout {
		return deadline
	}
	if idle := now.Add(m.idle(st)); idle.Before(deadline) {
		return idle
	}
	return deadline
}

// idle returns the session's idle timeout.
func (m *Manager) idle(st *state) time.Duration {
	if st.idle != 0 {
		return st.idle
	}
	return m.opts.IdleTimeout
}

// touchDue reports whether using the session now moves its expiry far enough to
// be worth a write. It moves back if a longer idle timeout was meanwhile taken
// away; up to an idle timeout may be the difference between two clocks.
func (m *Manager) touchDue(st *state, stored *stored) bool {
	interval := m.opts.TouchInterval
	switch {
	case m.idle(st) == NoTimeout:
		return false
	case st.idle != 0:
		interval = st.idle / touchFraction
	}
	further := m.expires(st, wallNow()).Sub(stored.expires)
	return further >= interval || -further > m.idle(st)
}

// renewDue reports whether the token has been in use for RenewEvery.
func (m *Manager) renewDue(st *state) bool {
	if m.opts.RenewEvery == 0 {
		return false
	}
	since := st.issued
	if since.IsZero() {
		since = st.created
	}
	return wallNow().Sub(since) >= m.opts.RenewEvery
}

// deadline returns when a session ends however much it is used.
func (m *Manager) deadline(st *state) time.Time {
	deadline := maxExpires
	if m.opts.AbsoluteTimeout != NoTimeout {
		deadline = earlier(deadline, st.created.Add(m.opts.AbsoluteTimeout))
	}
	if !st.deadline.IsZero() {
		deadline = earlier(deadline, st.deadline)
	}
	return deadline
}

// lastSeen returns when a session that expires then was last extended. The idle
// timeout may have been changed since.
func (m *Manager) lastSeen(st *state, expires time.Time) time.Time {
	if m.idle(st) == NoTimeout {
		return st.created
	}
	if seen := expires.Add(-m.idle(st)); seen.After(st.created) {
		return earlier(seen, wallNow())
	}
	return st.created
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
