package memcachestore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errNoCAS = errors.New("the server runs without cas: start it without -C")

// explain turns an error of the driver into one of the contract where it is certain
// what has happened.
func explain(err error) error {
	switch {
	case errors.Is(err, memcache.ErrCacheMiss):
		return sessionstore.ErrNotFound
	case strings.Contains(err.Error(), `"SERVER_ERROR object too large for cache`):
		return fmt.Errorf("%w: the server takes less than Options.MaxItemSize", sessionstore.ErrTooLarge)
	case strings.HasPrefix(err.Error(), "memcache: "):
		return &unreadableError{err}
	}
	return err
}

// raced tells whether the answer to a conditional write says that the condition
// was not met.
func raced(err error) bool {
	return errors.Is(err, memcache.ErrCASConflict) ||
		errors.Is(err, memcache.ErrNotStored) ||
		errors.Is(err, sessionstore.ErrNotFound)
}

// An unreadableError is one of the driver that may quote what the server has
// sent. Unless that is an error of the server's, it may be session data, which
// belongs in no log.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string {
	text := e.err.Error()
	for _, own := range []string{`: "SERVER_ERROR `, `: "CLIENT_ERROR `, `: "ERROR Too many open connections`} {
		if strings.Contains(text, own) {
			return text
		}
	}
	if before, _, quoted := strings.Cut(text, `: "`); quoted {
		return before + " (withheld)"
	}
	return text
}

func (e *unreadableError) Unwrap() error { return e.err }
