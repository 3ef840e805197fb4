package session

import "time"

// A session that was renewed because of its age leaves a tombstone, from which
// requests that still hold the old token find the new one. The store can't: the
// new token is sealed under the old, of which the store knows the hash only.

const (
	successorPurpose = "successor"

	// maxRenewals bounds how often a ticket is followed.
	maxRenewals = 128
)

// leadTo makes a tombstone for old lead to next for the length of grace.
func (st *state) leadTo(old, next *token, grace time.Duration) error {
	s, err := NewSealer(old[:])
	if err != nil {
		return err
	}
	st.graceUntil = wallNow().Add(grace)
	st.successor, err = s.Seal(successorPurpose, next[:])
	return err
}

// successor returns the ticket to which the tombstone st of old leads, if to any.
func (m *Manager) successor(old *token, st *state) (presented, bool) {
	if st.successor == nil {
		return presented{}, false
	}
	s, err := NewSealer(old[:])
	if err != nil {
		return presented{}, false
	}
	next, err := s.Open(successorPurpose, st.successor)
	if err != nil || len(next) != len(token{}) {
		return presented{}, false
	}
	return m.present(token(next)), true
}
