package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// With Options.RefuseNew a login is written before it is known whether it is one too many, see
// keepWithin. A change that meets it in an anonymous session is dropped if the login stands, and
// made if it is taken back. So it waits until that is decided, or decides itself that the login
// stands: from then on nobody takes it back.

// errUndecided says that a login has the session of which nobody has decided whether it stands, because
// its process has ended, for instance, and errBack that it was refused when the request had found the
// session empty.
var (
	errUndecided = errors.New("session: a login that may be above the limit has the session; try again")
	errBack      = fmt.Errorf("%w: it was refused, and has left the session", errUndecided)
)

// undecided reports whether changes depend on a login that may be taken back: their ticket is from
// before it.
func (c *commit) undecided(f *found) bool {
	depend := c.m.opts.RefuseNew && c.wants.login == "" && len(c.changes) > 0
	return depend && f.verdict.reason == isFromBefore && f.verdict.standing == quiet && !f.view.letIn && !f.view.loginSeen()
}

// settle returns when the login is decided that has made the ticket worthless. f is what is stored
// then.
func (c *commit) settle(ctx context.Context, f *found) error {
	for attempt := 0; c.undecided(f); attempt++ {
		live, err := c.m.entries(ctx, f.view.subject)
		if err != nil {
			return err
		}
		written := f.view.latest(func(e *entry) time.Time { return e.at })
		switch over := c.over(counted(live)); {
		case len(over) == 0:
			if err := c.letIn(ctx, f); !errors.Is(err, sessionstore.ErrConflict) {
				return err
			}
		case wallNow().Sub(written) > c.m.opts.StoreTimeout: // the commit that has made it is over
			return errUndecided
		}
		if err := backOff(ctx, attempt); err != nil {
			return fmt.Errorf("session: waiting for a login that may be above the limit: %w", err)
		}
		if err := f.load(ctx, c.m, &c.ticket, c.grace()); err != nil {
			return err
		}
	}
	return nil
}

// letIn notes that the login stands, for whoever may take it back besides.
func (c *commit) letIn(ctx context.Context, f *found) error {
	next := f.view.state
	next.letIn = true
	r := sessionstore.Record{Subject: next.subject, Expires: f.stored.expires, Version: sessionstore.NewVersion()}
	if next.writes[0] != f.stored.version {
		next.noteWrite(f.stored.version)
	}
	next.noteWrite(r.Version)
	var err error
	if r.Data, err = c.m.encode(f.stored.id, &next); err != nil {
		return err
	}
	switch err := c.m.store.Update(ctx, f.stored.id, f.stored.version, r); {
	case errors.Is(err, ErrNotFound), errors.Is(err, ErrInvalid): // its time is over
		return sessionstore.ErrConflict
	case err != nil:
		return fmt.Errorf("session: updating: %w", err)
	}
	return nil
}

// dropped says why the changes of a request with a ticket that is good for nothing are not made.
func (c *commit) dropped(ctx context.Context) error {
	if !c.m.opts.RefuseNew || c.ticket.hash == (ticketHash{}) {
		return c.ticket.over(c.quiet)
	}
	var f found
	err := f.load(ctx, c.m, &c.ticket, c.grace())
	if err == nil {
		err = c.settle(ctx, &f)
	}
	switch {
	case err != nil:
		return err
	case f.verdict.standing >= retired:
		return errBack
	default:
		return errEnded
	}
}
