package session

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// MaxImpersonation is the longest that [Session.Impersonate] takes.
const MaxImpersonation = time.Hour

// Impersonate has the visitor, an administrator for instance, act as subject for d, at
// most MaxImpersonation. Whether they may is the application's to decide: ask for a level
// of [Session.StepUp] before.
//
// From then on [Session.Subject] is whom they act as, and [Session.Actor] who they are, as
// the claims sub and act of RFC 8693, 4.1 are. Because the actor stays known, that RFC
// calls it delegation (1.1). They act in a second session, which begins empty. The
// subject's [Manager.List] has it with its actor, and so have events and logs (NIST SP
// 800-53, AC-6(9)), but it counts for no limit. Fresh and SteppedUp are always false there:
// what asks for the subject's password, or second factor, is closed to the actor. The
// second session ends after d, after [Options].IdleTimeout, with
// [Session.StopImpersonating], with the subject's sessions, and with the administrator's own.
//
// The administrator's own session stays as it is, and lives on while they act. The
// response hands out a new ticket. If it is lost, the old one shows the administrator's
// own session still.
//
//   - [Session.Destroy] ends both sessions: whoever signs out is signed out.
//   - [Session.Authenticate] ends the impersonation. The administrator, who signs in
//     again, comes back to their own session. Where somebody else signs in, that session
//     is left, and its timeouts end it.
//   - Renew does nothing. Reauthenticate, StepUp, Remember, SetPersistent, SetIdleTimeout
//     and SetDeadline are [ErrInvalid].
//   - Where [Session.CheckAuthHash] is used, call [Session.SetAuthHash] with the subject's
//     hash next. The administrator's own is not compared while they act.
//
// Impersonate commits at once, with all that the request has changed before. It returns
// [ErrInvalid] if nobody is signed in, if the request has signed them in, if they act as
// somebody already, or if subject or d is not what it has to be. It returns
// [ErrUnsupported] in a session that travels in its cookie. Other errors are those of
// [Session.Commit]. After an error, nobody acts.
func (s *Session) Impersonate(ctx context.Context, subject string, d time.Duration) error {
	events, err := s.impersonate(ctx, subject, d)
	s.m.emit(ctx, events...)
	return err
}

func (s *Session) impersonate(ctx context.Context, subject string, d time.Duration) ([]Event, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.commitMu.Unlock()
	if err := s.mayImpersonate(subject, d); err != nil { // no other goroutine signs out meanwhile
		return nil, err
	}
	c := s.begin()
	bounded := s.m.storeContext(ctx)
	defer bounded.Release()
	a, err := c.createActing(bounded, subject, d) //nolint:contextcheck // it is ctx, bounded
	if err == nil {
		err = c.offerActing(bounded, a) //nolint:contextcheck // likewise
	}
	s.finish(&c, err)
	if err = c.moved(err); err != nil {
		return c.events, err
	}
	s.act(a)
	e := a.view.event(EventImpersonated)
	s.m.logOf(&a.view.state).InfoContext(ctx, "session: impersonation begins", "session", e.ID, "subject", e.Subject)
	c.event(e)
	return c.events, nil
}

// StopImpersonating leads back to the administrator's own session, and ends the one in
// which they have acted, with all that is in it. If nobody acts, it does nothing: a form
// may be sent twice.
//
// The response hands out a new ticket. If it is lost, the old one shows an empty session
// that stores nothing, and of which Actor still says who it is: StopImpersonating leads
// back from there, too. The same holds when the time of the impersonation is over, or the
// subject's sessions have ended. So a form that was open as one account never works on
// another.
//
// StopImpersonating commits at once. What the request has changed is dropped, as it ends
// with its session. Errors are those of [Session.Commit]; after one, they act on.
func (s *Session) StopImpersonating(ctx context.Context) error {
	events, err := s.stopImpersonating(ctx)
	s.m.emit(ctx, events...)
	return err
}

func (s *Session) stopImpersonating(ctx context.Context) ([]Event, error) {
	if err := s.lock(ctx); err != nil {
		return nil, err
	}
	defer s.commitMu.Unlock()
	c := s.begin()
	if c.own == nil {
		return nil, s.gone()
	}
	acting := c.stored
	c.home()
	c.wants = wants{offers: 1}
	bounded := s.m.storeContext(ctx)
	defer bounded.Release()
	err := c.moved(c.bringHome(bounded)) //nolint:contextcheck // it is ctx, bounded
	if err == nil && acting != nil {
		if err = s.m.remove(bounded, acting.id); err != nil { //nolint:contextcheck // likewise
			c.tellError(err)
		} else {
			e := acting.over(EndStopped)
			s.m.log().InfoContext(ctx, "session: impersonation ends", "session", e.ID, "subject", e.Subject, "actor", e.Actor)
			c.event(e)
		}
	}
	if err != nil {
		return c.events, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changes, s.err, s.doomed = nil, nil, c.doomed
	c.changes, c.done, c.tried, c.wants = nil, 0, nil, wants{}
	s.adopt(&c)
	s.quiet, s.ended, s.cookie = false, false, c.cookie
	return c.events, nil
}

// Actor returns who acts in the session, if they act as somebody else: whose own session
// [Session.Impersonate] has begun in. Otherwise it returns "". If there is an actor and no
// [Session.Subject], the impersonation is over, and [Session.StopImpersonating] leads
// back.
func (s *Session) Actor() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.own == nil {
		return ""
	}
	return s.own.view.subject
}

func (s *Session) mayImpersonate(subject string, d time.Duration) error {
	if s.m.store == nil {
		return fmt.Errorf("%w: Impersonate in a session that travels in its cookie", ErrUnsupported)
	}
	if err := sessionstore.CheckSubject(subject); err != nil {
		return fmt.Errorf("Impersonate: %w", err)
	}
	if err := s.gone(); err != nil && s.Actor() == "" {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	var why string
	e := s.cur.entry(s.ticket.hash)
	switch {
	case d <= 0 || d > MaxImpersonation:
		why = fmt.Sprintf("for %v", d)
	case s.own != nil:
		why = "while impersonating"
	case s.cur.subject == "" || s.stored == nil:
		why = "by nobody"
	case s.wants.login != "" || s.ticket.offered && e != nil && e.login:
		why = "in the request that signs in" // the visitor has no other ticket if the answer is lost
	case s.cur.subject == subject:
		why = "of oneself"
	default:
		return nil
	}
	return fmt.Errorf("%w: Impersonate %s", ErrInvalid, why)
}

// createActing stores the session in which the visitor is to act, and returns it with its
// ticket, which nothing lists yet.
func (c *commit) createActing(ctx context.Context, subject string, d time.Duration) (*acting, error) {
	now := wallNow()
	t := c.ticket.token.sibling()
	a := &acting{ticket: held{presented: c.m.present(t), hash: t.hash(), standing: good, offered: true}, view: newView(now)}
	_, _ = rand.Read(a.id[:])
	v := &a.view
	v.subject, v.actor, v.deadline = subject, c.view.subject, now.Add(d)
	if _, err := b64.Decode(v.home[:], []byte(c.stored.id)); err != nil {
		return nil, fmt.Errorf("%w: the id of a record: %w", ErrInvalid, err)
	}
	v.tickets = []entry{{rights: v.rights, hash: a.ticket.hash, offered: 1, seen: 2, at: now, form: c.m.form}}
	v.count = 2
	r, err := c.record(a.id.text(), v, a.ticket.hash, now)
	if err != nil {
		return nil, err
	}
	if err := c.m.store.Create(ctx, a.id.text(), r); err != nil {
		c.tellError(err)
		return nil, fmt.Errorf("session: creating: %w", err)
	}
	a.stored = v.stored(a.id.text(), r)
	return a, nil
}

// acting is a session in which somebody is to act.
type acting struct {
	ticket held
	id     recordID
	view   view
	stored *stored
}

// offerActing lists the ticket of a session in which the visitor is to act, among those
// of their own. If that fails, the request goes on with the ticket that it had.
func (c *commit) offerActing(ctx context.Context, a *acting) error {
	before, wanted := c.ticket, c.wants
	c.acting = a
	c.wants.offers++
	err := c.bringHome(ctx)
	if c.moved(err) == nil {
		return nil
	}
	for i := range c.tried { // one may have landed; nobody gets its ticket
		if c.tried[i].ticket.hash == a.ticket.hash {
			c.tried[i].ticket, c.tried[i].left.hand, c.tried[i].events = before, false, nil
		}
	}
	if c.ticket.hash == a.ticket.hash {
		c.ticket = before
	}
	c.wants.offers, c.wants.hand, c.cookie = wanted.offers, false, cookieKeep
	_ = c.m.remove(ctx, a.id.text()) // else it ends by itself, and nobody has a ticket for it
	return err
}

// moved returns err, or why no ticket was offered.
func (c *commit) moved(err error) error {
	switch {
	case err != nil:
		return err
	case c.ended:
		return fmt.Errorf("%w: ended by another request", ErrNotFound)
	default:
		return c.notMoved
	}
}

// act goes on in the session in which the visitor acts, after finish has taken over that
// their own lists its ticket.
func (s *Session) act(a *acting) {
	s.mu.Lock()
	defer s.mu.Unlock()
	own := &found{stored: s.stored, view: s.cur, verdict: verdict{standing: good, rights: s.cur.rights}}
	v := a.view
	v.seed = own.view.entry(a.ticket.hash).actingSeed()
	s.adopt(&commit{ticket: a.ticket, stored: a.stored, view: v, own: own})
}

// home has the commit work on the administrator's own session.
func (c *commit) home() {
	c.back = true
	c.stored, c.view, c.changes, c.tried, c.err = c.own.stored, c.own.view.clone(), nil, nil, nil
	c.ticket.standing, c.quiet, c.ended = c.own.verdict.standing, false, false
	c.own = nil
}

// leaveLocked ends the session in which somebody acts, and leaves the request with an
// empty one: their own stays.
func (s *Session) leaveLocked(reason EndReason) {
	switch {
	case s.stored == nil:
	case reason == EndReplaced:
		s.left = s.stored // it ends if the login is made
	default:
		s.doomed = append(s.doomed, doomed{ticket: s.ticket, stored: s.stored, reason: reason, acting: true})
	}
	seed := s.cur.seed
	s.cur, s.changes, s.tried, s.err = newView(wallNow()), nil, nil, nil
	s.cur.seed = seed
	s.ticket.standing, s.stored, s.quiet, s.wants = quiet, nil, true, wants{}
	if s.cookie == cookieSet && s.ticket.offered {
		s.cookie = cookieKeep // nobody gets the ticket of an impersonation that is over
	}
}
