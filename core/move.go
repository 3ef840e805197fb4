package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// move puts the session under a new token. The new record is there before the
// old one goes, and the old one goes by Update: what another request has
// written to it since it was loaded is noticed and comes along.
func (c *commit) move(ctx context.Context) error {
	if err := c.cookieCanBeSet(); err != nil {
		return err
	}
	old, held := *c.stored, c.ticket
	if err := c.createNew(ctx); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := c.retire(ctx, old)
		if err == nil {
			return nil
		}
		moved := c.stored
		if errors.Is(err, ErrConflict) {
			c.stored = &old
			if err = c.rebase(ctx, attempt); err == nil {
				old, c.stored = *c.stored, moved
				err = c.replace(ctx)
			}
		}
		if err != nil {
			c.discard(ctx, moved.id)
			c.ticket, c.stored, c.cookie = held, &old, cookieKeep
			return err
		}
	}
}

// discard deletes a record that may be there although nobody will hold its
// token: it must not appear among its subject's sessions. It takes its own time,
// because that of the commit may be up.
func (c *commit) discard(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := c.m.store.Delete(ctx, id); err != nil {
		c.m.log().WarnContext(ctx, "session: a record without a visitor may remain until it expires",
			"session", c.state.handleText(), "error", err)
	}
}

const discardTimeout = time.Second

// retire ends the old record of a session that has moved. A tombstone first,
// because Delete does not look at the version.
func (c *commit) retire(ctx context.Context, old stored) error {
	if !wallNow().Before(old.expires) {
		return ErrConflict
	}
	tombstone := state{created: c.state.created, handle: c.state.handle, ended: true}
	data, err := c.m.encode(old.id, &tombstone)
	if err != nil {
		return err
	}
	r := Record{Data: data, Expires: wallNow().Add(tombstoneLife), Version: newVersion()}
	err = c.m.store.Update(ctx, old.id, old.version, r)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrConflict) {
		// If only the answer was lost, the visitor would be left without a
		// session. A write may be repeated: its version tells it from another.
		err = c.m.store.Update(ctx, old.id, old.version, r)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		return errEnded
	case err != nil:
		return fmt.Errorf("session: ending the old token: %w", err)
	}
	if err := c.m.store.Delete(ctx, old.id); err != nil {
		// The tombstone does as well until it expires.
		c.m.log().WarnContext(ctx, "session: a retired record was not deleted", "session", c.state.handleText(), "error", err)
	}
	return nil
}

// tombstoneLife is how long a tombstone lasts if it can't be deleted: longer
// than any request that holds the version it replaced.
const tombstoneLife = time.Hour
