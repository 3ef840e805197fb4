package sessionstore

import "errors"

// The errors of the [Store] contract. Stores return them bare or wrapped;
// test for them with [errors.Is]. Any other error from a store means that the
// outcome is unknown: the operation may or may not have taken effect.
var (
	// ErrNotFound says that no live record has the id: there never was one,
	// it was deleted, or it has expired.
	ErrNotFound = errors.New("session: not found")

	// ErrExists says that Create met a live record under the same id.
	// Nothing was written.
	ErrExists = errors.New("session: already exists")

	// ErrConflict says that the stored version is not the one that Update or
	// Touch was given: somebody else has written in between. Nothing was written, unless
	// the error is also ErrRepeated.
	ErrConflict = errors.New("session: version conflict")

	// ErrRepeated comes with ErrConflict, in one error. The driver has sent this write more
	// than once, because an answer was lost, and an earlier sending may have been carried
	// out: the conflict may be with itself. [Certain] reports false. A sending that was
	// answered does not count, for its outcome is known.
	ErrRepeated = errors.New("session: sent more than once")

	// ErrTooLarge says that the record, or the session, is larger than what
	// can be kept. Nothing was written.
	ErrTooLarge = errors.New("session: too large")

	// ErrCorrupt says that something is stored under the id, but that it is
	// not a record of that session. It is left as it is. It is never reported
	// as ErrNotFound: damage must not look like a visitor who is new.
	ErrCorrupt = errors.New("session: corrupt record")

	// ErrUnsupported says that the store can't do what was asked, ever.
	ErrUnsupported = errors.New("session: not supported by the store")

	// ErrInvalid says that an id, a record or an argument breaks the contract.
	// Nothing was read or written.
	ErrInvalid = errors.New("session: invalid argument")
)
