package redisstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errAnswer = errors.New("a script has answered what it never does")

// explain turns an error of the driver into one of the contract where it is certain
// what has happened.
func explain(err error) error {
	var reply redis.Error
	switch isReply := errors.As(err, &reply); {
	case errors.Is(err, redis.Nil):
		return sessionstore.ErrNotFound
	case isReply && strings.Contains(reply.Error(), "WRONGTYPE"):
		return fmt.Errorf("%w: the key holds a value of another type", sessionstore.ErrCorrupt)
	case !isReply && strings.HasPrefix(err.Error(), "redis: "):
		return &unreadableError{err}
	}
	return err
}

// An unreadableError is one of the driver that may quote what the server has
// sent. That may be session data, which belongs in no log.
type unreadableError struct{ err error }

func (e *unreadableError) Error() string {
	text := e.err.Error()
	if i := strings.IndexAny(text, `"=`); i >= 0 {
		text = strings.TrimRight(text[:i], " :") + " (withheld)"
	}
	return text
}

func (e *unreadableError) Unwrap() error { return e.err }
