package session

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Secret returns 32 bytes that only this session has, different ones for each
// purpose: for tokens that have to belong to a session, such as csrf's. They stay
// the same over Renew and StepUp and change with [Session.Authenticate]; a ticket
// from before that keeps the ones it had, so that a form that is sent twice
// verifies. They belong to the caller, and neither lead to the session nor to
// another purpose's.
//
// A session that is new is stored for it, so that the secret is there when the
// visitor comes back.
func (s *Session) Secret(purpose string) []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keepLocked()
	mac := hmac.New(sha256.New, s.cur.seed[:])
	mac.Write([]byte("cloakroom secret " + purpose))
	return mac.Sum(nil)
}

// keepLocked has a new session stored though it may hold nothing.
func (s *Session) keepLocked() {
	if s.stored == nil && !s.quiet && !s.ended && !s.cur.kept {
		s.changeLocked(func(v *view) error {
			v.kept = true
			return nil
		})
	}
}
