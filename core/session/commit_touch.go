package session

import (
	"context"
	"errors"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// touchAttempts bounds how often a touch looks what another request has written.
const touchAttempts = 4

// touch extends a session that was only read, if that moves its expiry far
// enough. A failure is no reason to refuse the response: nothing that the
// handler did is lost, and the next request tries again.
func (c *commit) touch(ctx context.Context) {
	for attempt := 0; attempt < touchAttempts && c.s.touchDue(&c.view, c.ticket, c.stored, wallNow()); attempt++ {
		expires := c.m.endOf(&c.view.rights, wallNow())
		err := sessionstore.Touch(ctx, c.m.store, c.stored.id, c.stored.version, expires)
		if errors.Is(err, sessionstore.ErrConflict) { // who has written may have given the session a shorter time
			if err = c.rebase(ctx); err == nil {
				continue
			}
		}
		switch {
		case errors.Is(err, ErrNotFound):
			c.ended = true
		case err != nil:
			c.notExtended(ctx, err)
		default:
			extended := *c.stored
			extended.expires = expires
			c.stored = &extended
		}
		return
	}
}

func (c *commit) notExtended(ctx context.Context, err error) {
	c.m.logOf(&c.view.state).WarnContext(ctx, "session: not extended", "session", c.view.idText(), "error", err)
	c.tellError(err)
}
