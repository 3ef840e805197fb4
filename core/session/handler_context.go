package session

import (
	"context"
	"sync"
	"time"
)

// A storeContext bounds the time that a load or a commit may take. Its timer is made
// when somebody waits for it: most stores answer before that, and many drivers only
// look at the deadline. Whoever asks it for the session, a logger or a store that is
// given it, finds none, for it would wait for itself.
type storeContext struct {
	context.Context //nolint:containedctx // it is one

	m  *Manager
	at time.Time

	mu     sync.Mutex
	timer  context.Context //nolint:containedctx // made by Done
	cancel context.CancelFunc
}

// storeContext returns a context for calls of the store. Call release afterwards.
func (m *Manager) storeContext(ctx context.Context) *storeContext {
	at := time.Now().Add(m.opts.StoreTimeout)
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	return &storeContext{Context: ctx, m: m, at: at}
}

// Deadline implements [context.Context].
func (c *storeContext) Deadline() (time.Time, bool) { return c.at, true }

// Done implements [context.Context].
func (c *storeContext) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil {
		c.timer, c.cancel = context.WithDeadline(c.Context, c.at)
	}
	return c.timer.Done()
}

// Err implements [context.Context].
func (c *storeContext) Err() error {
	c.mu.Lock()
	timer := c.timer
	c.mu.Unlock()
	switch {
	case timer != nil:
		return timer.Err()
	case c.Context.Err() != nil:
		return c.Context.Err()
	case !time.Now().Before(c.at):
		return context.DeadlineExceeded
	default:
		return nil
	}
}

// Value implements [context.Context].
func (c *storeContext) Value(key any) any {
	if key == (exchangeKey{c.m}) {
		return nil
	}
	c.mu.Lock()
	ctx := c.timer
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.Context
	}
	return ctx.Value(key) // also package context's own keys, by which it finds the timer
}

// release frees the timer, if there is one.
func (c *storeContext) release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cancel != nil {
		c.cancel()
	}
}
