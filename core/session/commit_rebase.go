package session

import (
	"context"
	"errors"
	"time"
)

// rebase loads the record again, judges the ticket anew and makes the changes on
// what it is good for.
func (c *commit) rebase(ctx context.Context) error {
	f, err := c.loadAgain(ctx)
	if err != nil {
		return err
	}
	if c.back && f.own != nil {
		f = *f.own
	}
	if c.wants.login != "" {
		f = f.leave()
	}
	a, unknown := c.landed(&f)
	if a != nil {
		c.wants.settle(a)
		c.replaced, c.ticket, c.before = append(c.replaced, a.replaced...), a.ticket, a.before
		c.events = append(c.events, a.events...)
		c.changes, c.done, c.tried = c.changes[a.changes:], c.done+a.changes, nil
		f.judge(c.m, c.ticket.hash, c.grace())
	} else if c.meets() {
		if err := c.meet(ctx, &f); err != nil {
			return err
		}
	}
	if err := c.settle(ctx, &f); err != nil {
		return err
	}
	f.view.asked = c.view.asked
	switch {
	case f.verdict.standing >= retired:
		c.stored, c.view, c.own, c.ended = f.stored, f.view, f.own, false
	case c.wants.login == "" && (c.origin == nil || c.stored != nil || f.stored != nil):
		return errEnded
	case f.joins(c.wants.login):
		c.stored, c.view = f.stored, view{state: f.view.state}
		if c.origin != nil {
			c.find(c.origin.login)
		}
	case c.origin != nil && c.origin.joins:
		return errOver
	default:
		c.stored, c.view = nil, newView(wallNow())
	}
	if unknown != nil {
		return unknown
	}
	c.ticket.standing = f.verdict.standing
	if err := c.makeAgain(); err != nil {
		return err
	}
	c.found = c.found || a != nil
	c.bind()
	return nil
}

// makeAgain makes the changes on what was found.
func (c *commit) makeAgain() error {
	v := c.view
	for _, change := range c.changes {
		if err := change(&v); err != nil {
			return err
		}
	}
	c.view, c.idle = v, int(v.idle) == len(c.changes)
	return nil
}

// loadAgain loads the record of the session.
func (c *commit) loadAgain(ctx context.Context) (f found, err error) {
	if c.meets() && !c.origin.joins {
		err = f.loadRecord(ctx, c.m, originID(c.origin.key))
	} else {
		err = f.load(ctx, c.m, &c.ticket, c.grace())
	}
	return f, err
}

// grace returns for how long a retired ticket works on for this request. One that was
// not good for its session when the request came does not become so.
func (c *commit) grace() time.Duration {
	if c.ticket.standing < retired {
		return c.m.opts.RenewGrace
	}
	return underWay
}

// errUnknown says that changes may have been saved by a write whose answer was lost, and
// that others have written so often since that the record does not tell.
var errUnknown = errors.New("session: whether the changes were saved is unknown, and they are not made twice")

// landed returns the latest write of this session that is in the record although
// its answer was lost. A record tells its last writes, the version that each has replaced
// behind it. So an attempt to replace one that somebody else has replaced has failed for
// good, and is forgotten. One that a store has refused counts as failed if the record
// doesn't tell. The ticket that a write was to offer tells it, too: for longer, and in a
// tombstone.
func (c *commit) landed(f *found) (*attempt, error) {
	st := &f.view.state
	for i := len(c.tried) - 1; i >= 0; i-- {
		a := &c.tried[i]
		if st.wrote(a.version) || a.left.hand && st.entry(a.ticket.hash) != nil {
			return a, nil
		}
	}
	var open []attempt
	for i := range c.tried {
		switch a := &c.tried[i]; {
		case f.stored == nil, a.old == f.stored.version, a.old == 0:
			open = append(open, *a)
		case st.tells(a.old) || a.refused || a.changes == 0:
		default:
			return nil, errUnknown
		}
	}
	c.tried = open
	return nil, nil //nolint:nilnil // none has
}

// reject gives up the changes, and goes back to what is stored.
func (c *commit) reject(ctx context.Context, why error) error {
	v := newView(wallNow())
	if c.stored != nil {
		var f found
		if err := f.load(ctx, c.m, &c.ticket, c.grace()); err != nil {
			return err
		}
		c.ticket.standing = f.verdict.standing
		c.stored, c.own, c.quiet = nil, nil, true // quiet: unless it is stored
		if f.verdict.standing >= retired {
			v, c.stored, c.own = f.view, f.stored, f.own
		}
	}
	c.m.withheld.addAll(c.tried) // one may land yet
	c.view, c.wants, c.refused, c.givenUp = v, wants{}, why, true
	return why
}
