package session

import (
	"crypto/hmac"
	"crypto/sha256"
)

// Secret returns 32 bytes that only this session has, different ones for each purpose.
// It is for tokens that have to belong to a session, such as those of package csrf. The
// bytes stay the same over Renew, StepUp and Reauthenticate, and change with [Session.Authenticate]. A
// ticket from before an Authenticate keeps its old ones, so that a login form that is sent
// twice verifies. Neither the session nor another purpose's bytes can be found from them. Whoever
// reads the session's record can find them, unless [Options].Sealer encrypts it. They belong
// to the caller.
//
// A new session is stored, so that the secret is there when the visitor comes back.
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
