package sessionstore

import (
	"context"
	"time"

	"github.com/cloakroom-go/cloakroom/core/internal/deadline"
)

// WithDeadlineOnly returns a context that is done at a time, at ctx's own deadline if that
// is earlier, or when cancel is called. Unlike with [context.WithDeadline], a cancellation
// of ctx does not end it. Package session gives stores such a context in a request. So a
// client that goes away interrupts no call, which would cost a connection of the driver's
// pool. And a driver that keeps to deadlines needs no goroutine beside it; see [Guard].
//
// Call cancel when nobody uses the context any more, not to interrupt what uses it: a
// store need not notice.
func WithDeadlineOnly(ctx context.Context, at time.Time) (bounded context.Context, cancel context.CancelFunc) {
	c := deadline.New(ctx, at, nil)
	return c, c.Release
}
