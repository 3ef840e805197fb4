package session

import (
	"crypto/hmac"
	"crypto/sha256"
)

// SetAuthHash ties the session to something about its subject that changes when older
// logins must end, the stored hash of the password for instance. Call it after
// Authenticate. When the subject's value changes, call it in the session that may stay.
// The session keeps only a hash of value.
func (s *Session) SetAuthHash(value string) {
	s.change(func(v *view) error {
		v.authHash = v.hashOf(value)
		return nil
	})
}

// CheckAuthHash reports whether the session is signed in and still tied to this
// value. If it is tied to another, or to none, the session ends as with
// [Session.Destroy]. If another request has tied it anew meanwhile, it goes on, and what
// this request sets is not stored. Call it where the subject's account is looked up, and
// only with a value that was really read: the empty one of a failed look-up ends the session.
// So does the first check of a session from before the application called SetAuthHash.
func (s *Session) CheckAuthHash(value string) bool {
	s.mu.Lock()
	signedIn, ok := s.cur.subject != "", hmac.Equal(s.cur.authHash, s.cur.hashOf(value))
	s.mu.Unlock()
	if signedIn && !ok {
		s.end(EndCredentials, func(st *state) bool { return !hmac.Equal(st.authHash, st.hashOf(value)) })
	}
	return signedIn && ok
}

// hashOf is different in every session, so that a copy of the store does not
// show who has the same value.
func (st *state) hashOf(value string) []byte {
	mac := hmac.New(sha256.New, st.id[:])
	mac.Write([]byte("cloakroom authentication hash " + value))
	return mac.Sum(nil)
}
