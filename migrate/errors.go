package migrate

import (
	"errors"
	"fmt"
)

var (
	// ErrNone says that a request brings no session of this kind.
	ErrNone = errors.New("migrate: no such cookie")

	// ErrRefused says that what a request brings is no session: it is forged,
	// damaged, expired, or its record has gone. The text says why; it is meant for
	// the log, not for the client.
	ErrRefused = errors.New("migrate: refused")

	// ErrNotFound is what Records return for a record that is not there.
	ErrNotFound = errors.New("migrate: no such record")
)

// refused returns an error that wraps ErrRefused and says why.
func refused(format string, args ...any) error {
	return fmt.Errorf("%w: %w", ErrRefused, fmt.Errorf(format, args...))
}
