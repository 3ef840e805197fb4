package session

import "time"

// settled reports whether a commit would do nothing. This is the common case: it
// allocates nothing.
func (s *Session) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.pendingLocked():
		return false
	case s.stored == nil || s.ended:
		return true
	default:
		now := wallNow()
		return !s.cur.unseen(s.ticket) && !s.ownDue(now) &&
			!s.touchDue(&s.cur, s.ticket, s.stored, now) && !s.renewDue(&s.cur, s.ticket, now)
	}
}

// touchDue reports whether the request extends the session.
func (s *Session) touchDue(v *view, t held, at *stored, now time.Time) bool {
	return !t.doubted && !s.x.passive && s.m.touchDue(&v.rights, v.endedBy(t, at.expires), now)
}

// endedBy returns when the ticket ends unless it is used, where the record expires at
// expires.
func (v *view) endedBy(t held, expires time.Time) time.Time {
	if e := v.entry(t.hash); e != nil {
		return e.endedBy(expires)
	}
	return expires
}

// renewDue reports whether it is time for a new ticket that can still be handed out.
func (s *Session) renewDue(v *view, t held, now time.Time) bool {
	return !t.offered && !t.doubted && s.m.renewDue(&v.state, t.hash, now) && s.x.answerable() == nil
}

// tooLate reports whether no commit could save what is pending once the header has left,
// because a ticket has to be handed out, or taken back: it may be the session itself.
func (s *Session) tooLate() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.m.store == nil || s.wants.login != "" || s.wants.offers > 0 || s.stored == nil && len(s.changes) > 0
}

// pending reports whether there are changes that a commit would save.
func (s *Session) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pendingLocked()
}

func (s *Session) pendingLocked() bool {
	changed := len(s.changes) > 0 && !s.ended && (s.stored != nil || s.quiet || !s.cur.empty())
	return s.err != nil || changed || s.wants != wants{} || len(s.doomed) > 0
}

// finish takes over the results. Changes that were made while the commit ran
// stay pending; they are made again on what was saved, unlocked, until no more
// have come.
func (s *Session) finish(c *commit, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed, s.replaced = c.doomed, c.replaced
	c.keepBefore()
	if c.cookie == cookieUnset {
		s.cookie = cookieUnset
	}
	if c.givenUp {
		s.givenUp++
	}
	switch {
	case err == nil || c.refused != nil || c.saved:
	case c.found: // there it goes on from
		s.quiet = c.quiet && c.stored == nil
		s.adopt(c)
		return
	default:
		s.wants, s.tried, s.changes, s.quiet = c.wants, c.tried, s.changes[c.done:], c.quiet
		return
	}
	switch {
	case c.ended && s.cookie == cookieSet:
		s.cookie = cookieKeep
	case !c.ended && c.cookie == cookieSet:
		s.cookie = cookieSet
	}
	if c.ended {
		seed := c.view.seed // a form that the page has already got verifies
		c.view, c.wants = newView(wallNow()), wants{}
		c.view.seed = seed
	}
	c.view.replaced, c.view.limits = false, false
	c.done, c.changes, c.tried = c.done+len(c.changes), nil, nil
	c.wants = wants{limit: c.wants.limit, hand: c.wants.hand}
	s.adopt(c)
	s.quiet, s.ended, s.login = c.quiet && c.stored == nil, c.ended, s.login && c.refused == nil
	if c.refused != nil && len(s.changes) == 0 {
		s.refused = c.refused
	}
}

// adopt goes on from what c has found or saved. Changes that were made while it ran
// are made again on that.
func (s *Session) adopt(c *commit) {
	for made := c.done + len(c.changes); made < len(s.changes); {
		later := s.changes[made:]
		c.view = s.remake(later, c.view)
		made += len(later)
	}
	s.ticket, s.stored, s.cur, s.wants, s.tried = c.ticket, c.stored, c.view, c.wants, c.tried
	s.own, s.left, s.before = c.own, c.left, c.before
	s.changes = s.changes[c.done:]
	if s.wants.hand && s.cookie == cookieSet {
		s.cookie = cookieKeep // one that the request had to hand out, or its session, is no longer good
	}
}

// remake returns v with changes made, with the lock released, because they call what
// was given to Update, which may also panic.
func (s *Session) remake(changes []change, v view) view {
	s.mu.Unlock()
	defer s.mu.Lock()
	for _, change := range changes {
		if err := change(&v); err != nil {
			s.fail(err)
		}
	}
	return v
}
