// Package deadline has contexts that nobody cancels, so that a driver that keeps to
// deadlines needs nobody to watch it.
package deadline

import (
	"context"
	"sync"
	"time"
)

// A Context is done at its deadline, or once Release was called. Its timer is made when
// somebody waits for it: most calls end before that, and many drivers only look at the
// deadline. It is safe for concurrent use.
type Context struct {
	parent context.Context //nolint:containedctx // it is one
	hidden any
	at     time.Time
	heeds  bool // the parent's end is its own, too

	mu       sync.Mutex
	released bool
	timer    context.Context //nolint:containedctx // made by Done
	cancel   context.CancelFunc
}

// key is that of a Context itself.
type key struct{}

// New returns a context with the values of ctx, but for the one under hidden, that is done
// at the deadline, or at that of ctx if it is earlier. What cancels ctx does not end it.
func New(ctx context.Context, at time.Time, hidden any) *Context {
	if earlier, ok := ctx.Deadline(); ok && earlier.Before(at) {
		at = earlier
	}
	return &Context{parent: ctx, at: at, hidden: hidden}
}

// NewCancellable is New for a context that ends when ctx does, too.
func NewCancellable(ctx context.Context, at time.Time, hidden any) *Context {
	c := New(ctx, at, hidden)
	c.heeds = ctx.Done() != nil
	return c
}

// Only returns the deadline of a context that nothing else ends: a [Context] of New, or
// one that only gives it more values.
func Only(ctx context.Context) (at time.Time, ok bool) {
	c, ok := ctx.Value(key{}).(*Context)
	if !ok || c.heeds || ctx != context.Context(c) && ctx.Done() != c.Done() {
		return time.Time{}, false
	}
	return c.at, true
}

// Deadline implements [context.Context].
func (c *Context) Deadline() (time.Time, bool) { return c.at, true }

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.timer == nil {
		parent := c.parent
		if !c.heeds {
			parent = context.WithoutCancel(parent)
		}
		c.timer, c.cancel = context.WithDeadline(parent, c.at)
		if c.released {
			c.cancel()
		}
	}
	return c.timer.Done()
}

// Err implements [context.Context].
func (c *Context) Err() error {
	c.mu.Lock()
	timer, released := c.timer, c.released
	c.mu.Unlock()
	switch {
	case timer != nil:
		return timer.Err()
	case c.heeds && c.parent.Err() != nil:
		return c.parent.Err()
	case time.Until(c.at) <= 0: // cheaper than the time of day
		return context.DeadlineExceeded
	case released:
		return context.Canceled
	default:
		return nil
	}
}

// Value implements [context.Context].
func (c *Context) Value(of any) any {
	switch of {
	case key{}:
		return c
	case c.hidden:
		return nil
	}
	c.mu.Lock()
	ctx := c.timer
	c.mu.Unlock()
	if ctx == nil {
		ctx = c.parent
	}
	return ctx.Value(of) // also package context's own keys, by which it finds the timer
}

// Release frees the timer, if there is one. For whoever still waits, the context is
// cancelled.
func (c *Context) Release() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.released = true
	if c.cancel != nil {
		c.cancel()
	}
}
