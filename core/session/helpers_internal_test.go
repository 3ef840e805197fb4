package session

import "github.com/cloakroom-go/cloakroom/core/sessionstore"

// decodeState returns the state in a record that is not sealed.
func decodeState(r sessionstore.Record) (st state, err error) {
	err = st.decode(r)
	return st, err
}

// IsTombstone reports whether a record that is not sealed is what is left of a
// session that has ended.
func IsTombstone(r sessionstore.Record) bool {
	st, err := decodeState(r)
	return err == nil && st.ended
}
