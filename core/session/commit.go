package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A commit is one attempt to bring a session's changes into the store. It
// works on copies, so that the session stays usable and no lock is held while
// the store, or a function that was given to Update, runs.
type commit struct {
	s       *Session
	m       *Manager
	ticket  presented
	stored  *stored
	state   state
	changes []change
	renew   bool
	login   bool
	doomed  []doomed
	tried   []attempt
	late    bool
	err     error // the first change that could not be made

	// Results.
	ended    bool
	rejected bool // the changes are given up, the session stays as it is stored
	cookie   cookieAction
	events   []Event
}

// An attempt is a write whose outcome is unknown, with as many of the session's
// changes in it.
type attempt struct {
	version sessionstore.Version
	changes int
}

// noteAttempt notes a write of all changes whose outcome is unknown.
func (c *commit) noteAttempt(version sessionstore.Version) {
	c.tried = append(c.tried, attempt{version, len(c.changes)})
}

// errEnded says that the session has ended meanwhile, most often by another
// request, and errPast that it is by a deadline that the store does not know yet.
var (
	errEnded = fmt.Errorf("%w: ended meanwhile", ErrNotFound)
	errPast  = fmt.Errorf("%w: its time is over", errEnded)
)

// commit saves what there is to save. That the session was ended meanwhile is
// not an error here: it is noted in s.ended, and the changes are dropped.
func (s *Session) commit(ctx context.Context) error {
	c, err := s.attempt(ctx)
	s.m.emit(ctx, c.events...)
	return err
}

func (s *Session) attempt(ctx context.Context) (*commit, error) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	c := s.begin()
	ctx, cancel := context.WithTimeout(ctx, s.m.opts.StoreTimeout)
	defer cancel()
	err := c.run(ctx)
	if errors.Is(err, errPast) {
		err = c.expire(ctx, err)
	}
	switch {
	case errors.Is(err, errEnded):
		s.m.log().InfoContext(ctx, "session: ended meanwhile, changes dropped", "session", c.state.idText())
		c.ended, err = true, nil
	case errors.Is(err, ErrTooManySessions):
		err = c.reject(ctx, err)
	}
	if err != nil && !c.rejected && !errors.Is(err, ErrEncode) && !errors.Is(err, ErrHeaderSent) {
		c.tellError(err)
	}
	s.finish(c, err)
	return c, err
}

// settled reports whether a commit would do nothing. This is the common case: it
// allocates nothing.
func (s *Session) settled() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pendingLocked() {
		return false
	}
	return s.stored == nil || s.ended || !s.followed && !s.m.touchDue(&s.cur, s.stored) && !s.renewDue(&s.cur)
}

// renewDue reports whether it is time for a new token that can still be handed
// out.
func (s *Session) renewDue(st *state) bool {
	return s.m.renewDue(st) && !s.late && !s.x.headerSent.Load()
}

// pending reports whether there are changes that a commit would save.
func (s *Session) pending() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pendingLocked()
}

func (s *Session) pendingLocked() bool {
	changed := len(s.changes) > 0 && !s.ended && (s.stored != nil || !s.cur.empty())
	return s.err != nil || changed || s.renew || len(s.doomed) > 0
}

// begin copies what the commit works on.
func (s *Session) begin() *commit {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := &commit{
		s: s, m: s.m, ticket: s.ticket, stored: s.stored, state: s.cur.clone(),
		changes: s.changes, renew: s.renew, login: s.login, doomed: s.doomed, ended: s.ended,
		tried: s.tried, late: s.late, err: s.err,
	}
	if s.followed && !s.x.headerSent.Load() {
		c.cookie = cookieSet
	}
	c.bind()
	return c
}

// bind ties a session to the browser that it is first written for.
func (c *commit) bind() {
	if c.m.opts.Binding.enabled() && c.state.binding == nil {
		c.state.binding = c.m.opts.Binding.of(c.s.x.r, c.state.publicID[:])
	}
}

// event notes what is to be told when no lock is held any more.
func (c *commit) event(e Event) {
	if c.m.opts.OnEvent != nil {
		c.events = append(c.events, e)
	}
}

// tellError notes a failure of the store's. An answer is none, nor is it that a
// client went away.
func (c *commit) tellError(err error) {
	if isFailure(err) && !errors.Is(err, context.Canceled) {
		c.event(Event{Kind: EventStoreError, ID: c.state.idText(), Subject: c.state.subject, Err: err})
	}
}

// run brings the session into the store.
func (c *commit) run(ctx context.Context) error {
	if c.m.store == nil {
		return c.seal(ctx)
	}
	if err := c.endDoomed(ctx); err != nil {
		return err
	}
	switch {
	case c.err != nil:
		return c.err
	case c.ended:
		return nil
	}
	if err := c.prepare(ctx); err != nil {
		return err
	}
	switch {
	case c.stored == nil:
		return c.create(ctx)
	case c.renew:
		return c.move(ctx, 0)
	case c.s.renewDue(&c.state):
		return c.renewToken(ctx)
	case len(c.changes) > 0:
		return c.update(ctx)
	default:
		c.touch(ctx)
		return nil
	}
}

// prepare does what some changes need before the session is written.
func (c *commit) prepare(ctx context.Context) error {
	if c.state.resend && c.stored != nil {
		if err := c.cookieCanBeSet(); err != nil {
			return err
		}
	}
	if c.state.external != "" && (c.state.point || c.login) {
		return c.m.point(ctx, &c.state)
	}
	return nil
}

// cookieCanBeSet refuses to store what the visitor could never come back to.
func (c *commit) cookieCanBeSet() error {
	if c.s.x.headerSent.Load() {
		return ErrHeaderSent
	}
	return nil
}

// reject gives up the changes, and goes back to what is stored.
func (c *commit) reject(ctx context.Context, why error) error {
	f := found{state: newState(wallNow())}
	if c.stored != nil {
		var err error
		if f, err = c.m.load(ctx, c.ticket); err != nil {
			return err
		}
	}
	c.adopt(f)
	c.rejected = true
	return why
}

// finish takes over the results. Changes that were made while the commit ran
// stay pending; they are made again on what was saved, unlocked, until no more
// have come.
func (s *Session) finish(c *commit, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.doomed, s.tried = c.doomed, c.tried
	if c.cookie == cookieUnset {
		s.cookie = cookieUnset
	}
	if err != nil && !c.rejected {
		return // a ticket that was found on the way is not handed out: the session has not got it
	}
	switch {
	case c.ended && s.cookie == cookieSet:
		s.cookie = cookieKeep
	case !c.ended && c.cookie == cookieSet:
		s.cookie = cookieSet
	}
	c.state.resend, c.state.point = false, false
	done := len(c.changes)
	for made := done; made < len(s.changes); {
		later := s.changes[made:]
		s.remake(later, &c.state)
		made += len(later)
	}
	s.ticket, s.stored, s.cur, s.changes = c.ticket, c.stored, c.state, s.changes[done:]
	s.renew, s.login, s.followed, s.late, s.ended, s.tried = false, false, false, c.late, c.ended, nil
}

// remake makes changes on st with the lock released, because they call what was
// given to Update, which may also panic.
func (s *Session) remake(changes []change, st *state) {
	s.mu.Unlock()
	defer s.mu.Lock()
	for _, change := range changes {
		if err := change(st); err != nil {
			s.fail(err)
		}
	}
}
