package session

import (
	"errors"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The errors of a store that an application meets, as package sessionstore
// defines them.
var (
	// ErrNotFound says that there is no such session: there never was one, it was
	// ended, or it has expired.
	ErrNotFound = sessionstore.ErrNotFound

	// ErrTooLarge says that the session is larger than what can be kept. Nothing was
	// written.
	ErrTooLarge = sessionstore.ErrTooLarge

	// ErrUnsupported says that the store can't do what was asked, ever.
	ErrUnsupported = sessionstore.ErrUnsupported

	// ErrInvalid says that an argument is not what it has to be. Nothing was read
	// or written.
	ErrInvalid = sessionstore.ErrInvalid
)

// The errors of a request's way.
var (
	// ErrNoSession says that the request did not come through
	// [Manager.Handler], so that there is nobody to load and save its session.
	ErrNoSession = errors.New("session: request did not pass through Manager.Handler")

	// ErrSkipped says that one of [Options].Skip has taken the request out:
	// it has no session.
	ErrSkipped = errors.New("session: request was skipped")

	// ErrTooManySessions says that the subject has [Options].MaxSessions
	// already, and that a new one is refused. The visitor's session is as it was
	// before the changes that included Authenticate.
	ErrTooManySessions = errors.New("session: subject has too many sessions")

	// ErrSignedOut says that the session that Session.MoveIn would go on with was ended, less
	// than ten minutes ago, in a way that nothing is to undo: the visitor has signed out, for
	// instance. It wraps ErrNotFound.
	ErrSignedOut = fmt.Errorf("%w: the visitor has signed out of it", ErrNotFound)

	// ErrHeaderSent says that a change needs a ticket to be handed out or taken
	// back, but the response header has left already, or the connection was taken
	// over. A login is not made then, and a new session is not stored; other changes
	// are.
	ErrHeaderSent = errors.New("session: response header already sent")

	// ErrRetired says that the request's ticket was replaced by a newer one, which
	// the visitor has used since. The changes are saved, but the request gets no other
	// ticket, and Reload reads nothing.
	ErrRetired = errors.New("session: ticket was replaced by a newer one")

	// ErrEncode says that a value could not be encoded by the codec, or would not
	// come back as it was. The change was not made, and the session is not saved.
	ErrEncode = errors.New("session: value can't be encoded")

	// ErrDecode says that Key.Update has found a value that does not decode. It was
	// left as it is, and the session is not saved.
	ErrDecode = errors.New("session: stored value can't be decoded")
)
