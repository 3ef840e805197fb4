package session

import (
	"context"
	"errors"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// touch extends a session that was only read, if that moves its expiry far
// enough. A failure is no reason to refuse the response: nothing that the
// handler did is lost, and the next request tries again.
func (c *commit) touch(ctx context.Context) {
	due := func() bool { return !c.ended && c.m.touchDue(&c.state, c.stored) }
	if due() && c.m.renewDue(&c.state) && !c.lookAgain(ctx) {
		return
	}
	if due() {
		c.extend(ctx)
	}
	if c.cookie == cookieSet && !c.ended {
		c.checkTombstone(ctx)
	}
}

// lookAgain finds a session whose token another request may have renewed long ago,
// while this one was in a stream, say: what would be extended is its tombstone. It
// reports whether the store could answer.
func (c *commit) lookAgain(ctx context.Context) bool {
	f, err := c.m.reload(ctx, c.ticket)
	switch {
	case errors.Is(err, ErrNotFound):
		c.ended = true
	case err != nil:
		c.cookie = cookieKeep // it may have moved
		c.notExtended(ctx, err)
		return false
	default:
		c.adopt(f)
	}
	return true
}

func (c *commit) extend(ctx context.Context) {
	expires := c.m.expires(&c.state, wallNow())
	switch err := sessionstore.Touch(ctx, c.m.store, c.stored.id, expires); {
	case errors.Is(err, ErrNotFound):
		c.ended = true
	case err != nil:
		c.notExtended(ctx, err)
	default:
		c.stored = c.state.stored(c.stored.id, c.stored.version, expires)
		c.refreshCookie()
	}
}

func (c *commit) notExtended(ctx context.Context, err error) {
	c.m.log().WarnContext(ctx, "session: not extended", "session", c.state.idText(), "error", err)
	c.tellError(err)
}

// checkTombstone keeps a late reader from handing out a ticket again whose
// session has moved: Touch does not look at what it extends.
func (c *commit) checkTombstone(ctx context.Context) {
	c.cookie = cookieKeep
	switch f, err := c.m.reload(ctx, c.ticket); {
	case err != nil:
		c.ended = errors.Is(err, ErrNotFound)
	case f.ticket.token != c.ticket.token:
		c.adopt(f)
	default:
		c.cookie = cookieSet
	}
}

// refreshCookie sends the cookie again when it lives as long as the session,
// when its attributes have changed, or when its ticket was signed by a key that is
// on its way out.
func (c *commit) refreshCookie() {
	if c.cookie != cookieKeep || c.late || c.s.x.headerSent.Load() {
		return
	}
	fresh := c.m.ticket(&c.ticket.token)
	if c.state.resend || c.ticket.ticket != fresh || c.m.opts.persistent(&c.state) && c.m.opts.Header == "" {
		c.ticket.ticket = fresh
		c.cookie = cookieSet
	}
}
