package session

import "context"

// rebase loads the record again, judges the ticket anew and makes the changes on
// what it is good for.
func (c *commit) rebase(ctx context.Context) error {
	f, err := c.m.load(ctx, c.ticket, underWay)
	if err != nil {
		return err
	}
	if c.back && f.own != nil {
		f = *f.own
	}
	if c.wants.login != "" {
		f = f.leave()
	}
	if a := c.landed(&f.view.state); a != nil {
		c.wants, c.doomed, c.ticket = a.wants, append(c.doomed, a.doomed...), a.ticket
		c.changes, c.done, c.tried = c.changes[a.changes:], c.done+a.changes, nil
		f.judge(c.m, c.ticket.hash, underWay)
	}
	c.own = nil
	switch {
	case f.verdict.standing >= retired:
		c.stored, c.view, c.own = f.stored, f.view, f.own
	case c.wants.login == "":
		return errEnded
	case f.joins(c.wants.login):
		c.stored, c.view = f.stored, view{state: f.view.state}
	default:
		c.stored, c.view = nil, newView(wallNow())
	}
	c.ticket.standing = f.verdict.standing
	v := c.view
	for _, change := range c.changes {
		if err := change(&v); err != nil {
			return err
		}
	}
	c.view = v
	c.idle = c.view.idle == len(c.changes)
	c.view.idle = 0
	c.bind()
	return nil
}

// landed returns the latest write of this session that is in the record although
// its answer was lost.
func (c *commit) landed(st *state) *attempt {
	for i := len(c.tried) - 1; i >= 0; i-- {
		if st.wrote(c.tried[i].version) {
			return &c.tried[i]
		}
	}
	return nil
}

// reject gives up the changes, and goes back to what is stored.
func (c *commit) reject(ctx context.Context, why error) error {
	v := newView(wallNow())
	if c.stored != nil {
		f, err := c.m.load(ctx, c.ticket, underWay)
		if err != nil {
			return err
		}
		c.stored = nil
		if f.verdict.standing >= retired {
			v, c.stored = f.view, f.stored
		}
	}
	c.view, c.wants, c.refused = v, wants{}, why
	return why
}
