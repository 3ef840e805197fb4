package session

import (
	"fmt"
	"time"
)

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
		if t = t.Round(0).UTC(); !wallNow().Before(t) || !t.Before(maxExpires) {
			s.fail(fmt.Errorf("%w: SetDeadline(%v)", ErrInvalid, t))
			return
		}
	}
	s.change(func(st *state) error {
		st.deadline, st.point = t, st.point || st.external != ""
		return nil
	})
}
