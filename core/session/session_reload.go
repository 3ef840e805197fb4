package session

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Reload brings the session up to date with what other requests have changed, for a
// stream or a WebSocket that lasts. Changes that are not committed yet are kept, and
// made again on what is there now. Reload does not extend the session; Commit does.
//
// If the session has ended, Reload returns [ErrNotFound], and its values read as absent
// from then on. If the visitor has used a newer ticket than the request's, it returns
// [ErrRetired], and changes nothing: whoever holds the old one does not learn more. If a
// change can't be made on what is there now, it returns [ErrDecode] or [ErrEncode]. Any
// other error means that the store could not answer. In a session that travels in its
// cookie, Reload finds no other change than that its time is over.
func (s *Session) Reload(ctx context.Context) error { return s.reload(ctx, 0) }

// reload is Reload, which reads with a retired ticket until its grace is over.
func (s *Session) reload(ctx context.Context, grace time.Duration) error {
	events, err := s.again(ctx, grace)
	s.m.emit(ctx, events...)
	return err
}

// again loads the session again. The events are those of a write that was found to have landed.
func (s *Session) again(ctx context.Context, grace time.Duration) ([]Event, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.commitMu.Unlock()
	c := s.begin()
	if c.stored == nil || c.ended {
		return nil, s.gone()
	}
	ctx, cancel := context.WithTimeout(ctx, s.m.opts.StoreTimeout)
	defer cancel()
	switch err := c.loadNewer(ctx); {
	case errors.Is(err, errEnded):
		s.mu.Lock()
		defer s.mu.Unlock()
		s.doomed = c.doomed
		s.ended, s.login, s.wants, s.changes, s.tried, s.cur = true, false, wants{}, nil, nil, newView(wallNow())
		if s.cookie == cookieSet {
			s.cookie = cookieKeep
		}
		if c.m.store == nil {
			return nil, fmt.Errorf("%w: its time is over", ErrNotFound)
		}
		return c.events, fmt.Errorf("%w: ended by another request", ErrNotFound)
	case err != nil && isRefusal(err):
		return nil, err
	case err != nil:
		return nil, s.m.tellError(ctx, err)
	case c.ticket.standing == retired && (grace == 0 || c.proper().judge(c.ticket.hash, s.m.times(wallNow(), grace)).standing < retired):
		return nil, ErrRetired
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed, s.replaced = c.doomed, c.replaced // also what a login that was found to have landed replaces
	s.adopt(&c)
	return c.events, nil
}

// loadNewer has the commit work on what is stored now. What travels in a cookie only its
// time can end.
func (c *commit) loadNewer(ctx context.Context) error {
	if c.m.store == nil {
		if !wallNow().Before(c.stored.expires) {
			return errEnded
		}
		return nil
	}
	login := c.wants.login
	c.wants.login = "" // signing in is the next commit's
	err := c.rebase(ctx)
	if c.wants.logins > 0 {
		c.wants.login = login
	}
	return err
}

// gone returns ErrNotFound if there was a session, and there is none any more.
func (s *Session) gone() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.quiet {
		return fmt.Errorf("%w: the ticket is no longer good for it", ErrNotFound)
	}
	return nil
}
