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

	mu    sync.Mutex
	err   error
	done  chan struct{}
	timer *time.Timer
	apart func() bool // takes it off its parent
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

// NewCancelled is New for a context that ends when ctx does, too.
func NewCancelled(ctx context.Context, at time.Time, hidden any) *Context {
	c := New(ctx, at, hidden)
	c.heeds = ctx.Done() != nil
	return c
}

// Only returns the deadline of a context that nothing else ends: a [Context] of New, or
// one that only gives it more values.
func Only(ctx context.Context) (at time.Time, ok bool) {
	c, ok := ctx.Value(key{}).(*Context)
	if !ok || c.heeds || c.Done() != ctx.Done() {
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
	if c.done != nil {
		return c.done
	}
	c.done = make(chan struct{})
	if c.err != nil {
		close(c.done)
		return c.done
	}
	c.timer = time.AfterFunc(time.Until(c.at), func() { _ = c.end(context.DeadlineExceeded) })
	if c.heeds {
		c.apart = context.AfterFunc(c.parent, func() { _ = c.end(c.parent.Err()) })
	}
	return c.done
}

// Err implements [context.Context].
func (c *Context) Err() error {
	c.mu.Lock()
	err := c.err
	c.mu.Unlock()
	switch {
	case err != nil:
		return err
	case c.heeds && c.parent.Err() != nil:
		return c.end(c.parent.Err())
	case !time.Now().Before(c.at):
		return c.end(context.DeadlineExceeded)
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
	default:
		return c.parent.Value(of)
	}
}

// Release frees what the context holds. For whoever still waits for it, it is cancelled.
func (c *Context) Release() { _ = c.end(context.Canceled) }

// end makes the context done, if it isn't, and returns why it is.
func (c *Context) end(err error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.err != nil {
		return c.err
	}
	c.err = err
	if c.done != nil {
		c.timer.Stop()
		if c.apart != nil {
			c.apart()
		}
		close(c.done)
	}
	return err
}
