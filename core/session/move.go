package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// move puts the session under a new token. The new record is there before the
// old one goes, and the old one goes by Update: what another request has
// written to it since it was loaded is noticed and comes along. With a grace, the
// old token leads to the new one for so long.
func (c *commit) move(ctx context.Context, grace time.Duration) error {
	if err := c.cookieCanBeSet(); err != nil {
		return err
	}
	old := place{c.ticket, c.stored}
	if err := c.createNew(ctx); err != nil {
		return err
	}
	for attempt := 0; ; attempt++ {
		err := c.retire(ctx, old, grace)
		if err == nil {
			c.moved(old.stored)
			return nil
		}
		next := place{c.ticket, c.stored}
		// Where the outcome is unknown, the old token may lead to the new record.
		unknown := grace > 0 && !sessionstore.Certain(err)
		if errors.Is(err, sessionstore.ErrConflict) {
			old, err = c.catchUp(ctx, attempt, old, next, grace)
		}
		switch {
		case errors.Is(err, errRenewed):
			return c.save(ctx)
		case err != nil && unknown:
			c.noteAttempt(next.stored.version)
		case err != nil:
			c.discard(ctx, next.stored.id)
		}
		if err != nil {
			c.ticket, c.stored, c.cookie = old.ticket, old.stored, cookieKeep
			return err
		}
	}
}

// errRenewed says that another request has renewed the token because of its age.
var errRenewed = errors.New("session: renewed by another request")

// catchUp takes what another request has written to the old place along to the
// next one, and returns where the old one is now. If it was renewed, and no more is
// wanted, the session stays there.
func (c *commit) catchUp(ctx context.Context, attempt int, old, next place, grace time.Duration) (place, error) {
	now, err := c.follow(ctx, attempt, old, next)
	switch {
	case err != nil:
		return old, err
	case now.ticket.token == old.ticket.token || grace == 0:
		return now, c.replace(ctx)
	case now.ticket.token != next.ticket.token:
		c.discard(ctx, next.stored.id)
	}
	c.ticket, c.stored = now.ticket, now.stored
	return now, errRenewed
}

// A place is a token and the record under it.
type place struct {
	ticket presented
	stored *stored
}

// follow makes the changes again on what another request has left at the old
// place, for the next one, and returns where the old one is now.
func (c *commit) follow(ctx context.Context, attempt int, old, next place) (now place, err error) {
	issued := c.state.issued
	c.ticket, c.stored, c.cookie = old.ticket, old.stored, cookieKeep
	err = c.rebase(ctx, attempt)
	now = place{c.ticket, c.stored}
	c.ticket, c.stored, c.state.issued = next.ticket, next.stored, issued
	return now, err
}

// moved notes that the session has a new token, or has taken another's place.
func (c *commit) moved(old *stored) {
	c.cookie, c.late = cookieSet, false
	if old.publicID != c.state.publicID {
		c.event(old.over(EndReplaced))
	}
	if c.login {
		c.event(c.state.event(EventAuthenticated))
	} else {
		c.event(c.state.event(EventRenewed))
	}
}

// save writes changes, if there are any, where another request has put the session.
func (c *commit) save(ctx context.Context) error {
	if len(c.changes) > 0 {
		return c.update(ctx)
	}
	if c.cookie == cookieSet {
		c.checkTombstone(ctx)
	}
	return nil
}

// renewToken renews the token because of its age. If that fails for a request
// that has changed nothing, nothing is lost: the next one tries again.
func (c *commit) renewToken(ctx context.Context) error {
	issued := c.state.issued
	err := c.move(ctx, c.m.opts.RenewGrace)
	if err == nil || len(c.changes) > 0 || errors.Is(err, errEnded) {
		return err
	}
	c.m.log().WarnContext(ctx, "session: token not renewed", "session", c.state.idText(), "error", err)
	c.tellError(err)
	c.state.issued = issued
	c.touch(ctx)
	return nil
}

// discard deletes a record that may be there although nobody will hold its
// token: it must not appear among its subject's sessions. It takes its own time,
// because that of the commit may be up.
func (c *commit) discard(ctx context.Context, id string) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), discardTimeout)
	defer cancel()
	if err := c.m.store.Delete(ctx, id); err != nil {
		c.m.log().WarnContext(ctx, "session: a record without a visitor may remain until it expires",
			"session", c.state.idText(), "error", err)
	}
}

const discardTimeout = time.Second

// retire ends the old record of a session that has moved. A tombstone first,
// because Delete does not look at the version. With a grace the tombstone
// stays, and holds the way to the new token.
func (c *commit) retire(ctx context.Context, old place, grace time.Duration) error {
	tombstone := state{created: c.state.created, publicID: c.state.publicID, ended: true}
	if grace > 0 {
		if err := tombstone.leadTo(&old.ticket.token, &c.ticket.token, grace); err != nil {
			return err
		}
	}
	err := c.bury(ctx, *old.stored, &tombstone, max(grace, tombstoneLife))
	if err == nil && grace == 0 {
		c.clear(ctx, old.stored.id)
	}
	return err
}

// clear deletes a tombstone. One that remains does as well until it expires.
func (c *commit) clear(ctx context.Context, id string) {
	if err := c.m.store.Delete(ctx, id); err != nil {
		c.m.log().WarnContext(ctx, "session: a retired record was not deleted", "session", c.state.idText(), "error", err)
	}
}

// bury replaces a record by a tombstone.
func (c *commit) bury(ctx context.Context, old stored, tombstone *state, life time.Duration) error {
	if !wallNow().Before(old.expires) {
		return sessionstore.ErrConflict
	}
	data, err := c.m.encode(old.id, tombstone)
	if err != nil {
		return err
	}
	r := sessionstore.Record{Data: data, Expires: wallNow().Add(life), Version: sessionstore.NewVersion()}
	err = c.m.store.Update(ctx, old.id, old.version, r)
	if err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, sessionstore.ErrConflict) {
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
	return nil
}

// tombstoneLife is how long a tombstone lasts that is not deleted: longer than
// any request that holds the version it replaced.
const tombstoneLife = time.Hour

// endDoomed ends what Destroy, and the like, have doomed.
func (c *commit) endDoomed(ctx context.Context) error {
	for len(c.doomed) > 0 {
		err := c.endRecord(ctx, c.doomed[0].found)
		if errors.Is(err, ErrNotFound) {
			err = c.endMoved(ctx, c.doomed[0])
		}
		if err != nil {
			return err
		}
		c.forget()
	}
	return nil
}

// endMoved ends a session that a request at the same time has renewed without a
// grace, which leaves no way from the old token to the new. Where its subject's
// sessions are listed, Destroy finds it there all the same. A login is no renewal: it
// would have been as good after the logout.
func (c *commit) endMoved(ctx context.Context, d doomed) error {
	_, ok := c.m.store.(sessionstore.SubjectIndex)
	if !ok || d.reason != EndDestroyed || d.stored.subject == "" {
		return nil
	}
	tell := func(Event) {} // forget does
	_, err := c.m.endPicked(ctx, d.stored.subject, d.reason, tell, func(live []*found) publicIDs {
		picked := make(publicIDs)
		for _, f := range live {
			if f.stored.publicID == d.stored.publicID && f.stored.authenticated.Equal(d.stored.authenticated) {
				picked[d.stored.publicID] = true
			}
		}
		return picked
	})
	return err
}

// forget notes that the first of the doomed has ended.
func (c *commit) forget() {
	c.event(c.doomed[0].stored.over(c.doomed[0].reason))
	c.doomed = c.doomed[1:]
	c.cookie = cookieUnset
	if c.stored != nil {
		c.cookie = cookieSet // the visitor brought this session as well, and is to keep it
	}
}

// expire ends a session whose deadline has passed before it was saved: what is
// stored would live on without it.
func (c *commit) expire(ctx context.Context, past error) error {
	switch {
	case c.stored == nil:
	case c.m.store == nil:
		c.cookie = cookieUnset
	default:
		err := c.endRecord(ctx, found{ticket: c.ticket, stored: c.stored, state: c.state})
		if err != nil && !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return past
}

// endRecord ends a session under whatever token it has by now. A renewal that
// is under way, here or in a process that renews tokens where this one does not,
// would carry it past Delete; a tombstone stops it. ErrNotFound says that the token
// leads to none.
func (c *commit) endRecord(ctx context.Context, f found) error {
	for attempt := 0; ; attempt++ {
		tombstone := state{created: f.state.created, publicID: f.state.publicID, ended: true}
		err := c.bury(ctx, *f.stored, &tombstone, tombstoneLife)
		switch {
		case err == nil:
			c.clear(ctx, f.stored.id)
			return nil
		case errors.Is(err, ErrNotFound):
			return err
		}
		conflict := errors.Is(err, sessionstore.ErrConflict)
		if conflict {
			if err := backOff(ctx, attempt, conflictPause); err != nil {
				return fmt.Errorf("session: deleting: %w", err)
			}
		}
		now, err := c.m.reload(ctx, f.ticket)
		switch {
		case err != nil:
			return err
		case !conflict && now.ticket.token == f.ticket.token:
			if err := c.m.store.Delete(ctx, f.stored.id); err != nil { // the store has no room, perhaps, but deletes
				return fmt.Errorf("session: deleting: %w", err)
			}
			return errEnded // a renewal may have been there since
		}
		f = now
	}
}
