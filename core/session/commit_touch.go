package session

import (
	"context"
	"errors"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// touch extends a session that was only read, if that moves its expiry far
// enough. A failure is no reason to refuse the response: nothing that the
// handler did is lost, and the next request tries again. Nor is a conflict: whoever
// has written has extended the session, or has given it a shorter time.
func (c *commit) touch(ctx context.Context) {
	if c.ended || !c.s.touchDue(&c.view, c.stored) {
		return
	}
	expires := c.m.expires(&c.view, wallNow())
	switch err := sessionstore.Touch(ctx, c.m.store, c.stored.id, c.stored.version, expires); {
	case errors.Is(err, ErrNotFound):
		c.ended = true
	case errors.Is(err, sessionstore.ErrConflict):
	case err != nil:
		c.notExtended(ctx, err)
	default:
		extended := *c.stored
		extended.expires = expires
		c.stored = &extended
	}
}

func (c *commit) notExtended(ctx context.Context, err error) {
	c.m.log().WarnContext(ctx, "session: not extended", "session", c.view.idText(), "error", err)
	c.tellError(err)
}
