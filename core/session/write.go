package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// create stores a new session. One that holds nothing is not worth a record.
func (c *commit) create(ctx context.Context) error {
	if len(c.changes) == 0 || c.state.empty() {
		return nil
	}
	if err := c.cookieCanBeSet(); err != nil {
		return err
	}
	if err := c.createNew(ctx); err != nil {
		return err
	}
	c.event(c.state.event(EventCreated))
	if c.login {
		c.event(c.state.event(EventAuthenticated))
	}
	return nil
}

// createNew stores the state under a new token.
func (c *commit) createNew(ctx context.Context) error {
	if c.login && c.m.opts.RefuseNew {
		leave, err := c.m.admit(ctx, &c.state)
		if err != nil {
			return err
		}
		defer leave()
	}
	t := newToken()
	id := t.id()
	c.state.issued = wallNow()
	r, err := c.m.record(id, &c.state)
	if err != nil {
		return err
	}
	err = c.m.store.Create(ctx, id, r)
	if err == nil && c.login && !c.m.opts.RefuseNew {
		err = c.evict(ctx)
	}
	if err != nil {
		c.discard(ctx, id)
		return fmt.Errorf("session: creating: %w", err)
	}
	c.ticket = c.m.present(t)
	c.stored = c.state.stored(id, r.Version, r.Expires)
	c.cookie = cookieSet
	return nil
}

// update replaces the record, again on the newer one after a conflict.
func (c *commit) update(ctx context.Context) error {
	for attempt := 0; ; attempt++ {
		err := c.replace(ctx)
		if !errors.Is(err, sessionstore.ErrConflict) {
			return err
		}
		if err := c.rebase(ctx, attempt); err != nil {
			return err
		}
	}
}

// replace writes the state over the version that it was made from.
func (c *commit) replace(ctx context.Context) error {
	if !wallNow().Before(c.stored.expires) {
		return sessionstore.ErrConflict // expired, unless another request has extended it: look again
	}
	r, err := c.m.record(c.stored.id, &c.state)
	if err != nil {
		return err
	}
	switch err := c.m.store.Update(ctx, c.stored.id, c.stored.version, r); {
	case errors.Is(err, ErrNotFound):
		return errEnded
	case err != nil:
		c.noteAttempt(r.Version)
		return fmt.Errorf("session: updating: %w", err)
	}
	c.stored = c.state.stored(c.stored.id, r.Version, r.Expires)
	c.refreshCookie()
	return nil
}

// rebase loads the record again and makes the changes on it. If it has a new
// token by now, the session goes on under that.
func (c *commit) rebase(ctx context.Context, attempt int) error {
	c.event(c.state.event(EventConflict))
	if err := backOff(ctx, attempt, conflictPause); err != nil {
		return fmt.Errorf("session: %w after %d attempts: %w", sessionstore.ErrConflict, attempt+1, err)
	}
	f, err := c.m.reload(ctx, c.ticket)
	switch {
	case errors.Is(err, ErrNotFound):
		return errEnded
	case err != nil:
		return err
	}
	f.state.resend = c.state.resend // also if the change was made before
	changes := c.changes
	for _, a := range c.tried {
		if a.version == f.stored.version { // made before, the answer was lost
			changes = c.changes[a.changes:]
		}
	}
	for _, change := range changes {
		if err := change(&f.state); err != nil {
			return err
		}
	}
	c.adopt(f)
	c.bind()
	return nil
}

// adopt takes over what load has found.
func (c *commit) adopt(f found) {
	c.late = c.late || f.late
	if f.ticket.token != c.ticket.token && !c.late && !c.s.x.headerSent.Load() {
		c.cookie = cookieSet
	}
	c.ticket, c.stored, c.state = f.ticket, f.stored, f.state
}

// backOff waits before something is tried again, longer each time up to limit.
func backOff(ctx context.Context, attempt int, limit time.Duration) error {
	const first = time.Millisecond
	return sleep(ctx, jitter(min(limit, first<<min(attempt, 20))))
}

// conflictPause is the longest pause after a conflict.
const conflictPause = 128 * time.Millisecond
