package sessionstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
)

// WithDeadline is [context.WithDeadline], except that what cancels ctx does not cancel the
// context that it returns: only its deadline ends it, which is that of ctx if that is
// earlier, and cancel. Package session gives stores such a context in a request: a client
// that goes away interrupts no call, which would cost a connection of the driver's pool,
// and a driver that keeps to deadlines needs no goroutine beside it; see [Guard].
//
// Call cancel when nobody uses the context any more, not to interrupt what uses it: a
// store need not notice.
func WithDeadline(ctx context.Context, at time.Time) (bounded context.Context, cancel context.CancelFunc) {
	c := deadline.New(ctx, at, nil)
	return c, c.Release
}
