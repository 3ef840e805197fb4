package redisstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var errAnswer = errors.New("a script has answered what it never does")

// wrap turns an error of the driver into one of the contract where it is certain
// what has happened, and puts the package's name before every other. All errors
// pass through it on their way out.
func wrap(ctx context.Context, err error) error {
	if err == nil || sessionstore.Certain(err) {
		return err
	}
	var reply redis.Error
	switch isReply := errors.As(err, &reply); {
	case errors.Is(err, redis.Nil):
		return sessionstore.ErrNotFound
	case isReply && strings.Contains(reply.Error(), "WRONGTYPE"):
		return fmt.Errorf("%w: the key holds a value of another type", sessionstore.ErrCorrupt)
	case !isReply && strings.HasPrefix(err.Error(), "redis: "):
		err = &unreadableError{err}
	}
	if done := doneError(ctx); done != nil && !errors.Is(err, done) {
		return fmt.Errorf("redisstore: %w: %w", done, err)
	}
	return fmt.Errorf("redisstore: %w", err)
}

// doneError returns ctx's error if it is done. The driver may notice a deadline
// a moment before the context does.
func doneError(ctx context.Context) error {
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	return ctx.Err()
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
