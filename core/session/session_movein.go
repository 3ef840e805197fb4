package session

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
)

// A session of another system goes on as one of ours: whoever brings it gets that one, as
// with a ticket. So its record's id derives from what names the old session, and so do the
// tickets that are handed out for it: requests that come at the same time hand out the same
// one. Each derives from the random seed of its row in the record, too: who only knows the
// old session can't compute it, and that of a session that is over is good for nothing when
// another begins.

// An origin is what a commit goes on with.
type origin struct {
	key     [sha256.Size]byte
	record  string // that the session which it goes into has to remember; "": none
	subject string
	first   int    // of the changes, the first that only begins a session
	login   change // that one, if it signs in
	joins   bool   // the request has a session of ours, which this one goes into,
	brought token  // with this ticket
	apart   bool   // the origin's session is somebody's by now: another one begins
}

// meets reports whether the commit goes on with what others have done for its origin. That
// is over when a write of its own is found to have landed.
func (c *commit) meets() bool { return c.origin != nil && !c.origin.apart && !c.found }

const (
	labelOrigin       = "cloakroom origin\x00"
	labelOriginTicket = "cloakroom origin's ticket\x00"
)

// originKey returns what is derived from for a session of subject's that name names.
func (m *Manager) originKey(name, subject string) [sha256.Size]byte {
	b := []byte(labelOrigin)
	for _, part := range []string{m.purpose, subject, name} {
		b = append(binary.AppendUvarint(b, uint64(len(part))), part...)
	}
	return sha256.Sum256(b)
}

// token returns what the session with a public id has offered as its ticket of a number,
// with a random seed.
func (o *origin) token(id publicID, number uint64, seed [seedLen]byte) token {
	t := o.brought
	if !o.joins {
		copy(t[:tokenHalf], o.key[:])
	}
	b := append([]byte(labelOriginTicket), o.key[:]...)
	sum := sha256.Sum256(append(binary.BigEndian.AppendUint64(append(b, id[:]...), number), seed[:]...))
	copy(t[tokenHalf:], sum[:])
	return t
}

// unlisted returns a token of the session that is in no list.
func (o *origin) unlisted() token { return o.token(publicID{}, 0, [seedLen]byte{}) }

// originID returns the store's key for the session that all requests share.
func originID(key [sha256.Size]byte) string {
	var t token
	copy(t[:tokenHalf], key[:])
	return t.id()
}

// latest returns the origin's ticket in the list of its session that was offered last, or
// one that is not listed.
func (o *origin) latest(st *state) token {
	for i := range slices.Backward(st.tickets) {
		e := &st.tickets[i]
		if t := o.token(st.id, e.offered, e.seed); t.hash() == e.hash {
			return t
		}
	}
	return o.unlisted()
}

// MoveIn goes on with a session of another system that the visitor has shown: origin
// names it, and subject is signed in to it, or nobody if subject is "". Package migrate
// calls it for those who move in. All requests that show the same get one session of ours.
// The first one begins it, signs in as [Session.Authenticate] does, and calls fill to set
// what the session begins with. But nobody has proved who they are: [Session.Authenticated]
// is zero, and [Session.Fresh] false, until they sign in here. In the other requests, what
// fill has set is dropped: they find the session that is there. Until the visitor has
// presented our ticket, showing the old session leads to the same one of ours. So a lost
// answer signs nobody out, the answer to a login as somebody else included.
//
// MoveIn commits; errors are those of [Session.Commit], and of fill. After an error the
// session is as it was before. If the session that goes on with the old one was ended less
// than ten minutes ago, the error is [ErrNotFound], and if nothing is to undo that, as after
// Destroy, it is [ErrSignedOut]. So no request undoes a logout, if the old session is ended
// within that time as well. Whoever gets that error should end it: the answer to the logout,
// which has ended it, may have been lost.
//
// A visitor who has an anonymous session here already keeps that, and is signed in to it. If
// their ticket is no longer good for it, because the answer to that login was lost, they get
// it back. If it is another subject's by now, or has ended, the error is ErrNotFound. Where
// somebody is signed in already, or acts as another, MoveIn signs nobody in.
//
// Whatever becomes of it: if the request goes on to call Destroy, what it has shown is over
// as well, as if its session had been ended.
//
// An empty origin names none, and the request gets a session of its own. Two visitors who
// show the same must not be given the same name: they would share a session. What fill
// commits by itself is the request's own as well: it should only set what is to be there.
//
// In a session that travels in its cookie, MoveIn is Authenticate, fill and Commit: two
// requests get two.
func (s *Session) MoveIn(ctx context.Context, origin, subject string, fill func() error) error {
	s.shows(origin, subject)
	before, first := s.snapshot()
	if before.cur.subject != "" || before.own != nil || subject == "" && !before.IsNew() {
		return nil
	}
	done := false
	defer func() { // also if fill panics
		if !done {
			s.restore(before)
		}
	}()
	if subject != "" {
		s.signIn(subject, false)
	}
	err := fill()
	if s.savedSince(before) { // by fill: it is a session of the request's own
		if done = true; err == nil {
			err = s.Commit(ctx)
		}
		return err
	}
	if err == nil && s.goesOn(origin, subject, first, !before.IsNew()) {
		err = s.Commit(ctx)
		s.goesOnNoMore()
	}
	done = err == nil
	return err
}

// savedSince reports whether a login, or a new session, has been committed.
func (s *Session) savedSince(before *Session) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.wants.login == "" && s.stored != before.stored
}

// goesOn has the next commit go on with an origin, and reports whether there is anything to
// commit.
func (s *Session) goesOn(name, subject string, first int, joins bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.changes) <= first {
		return s.err != nil
	}
	s.guest = true
	if name != "" || joins {
		s.origin = &origin{
			key: s.m.originKey(name, subject), subject: subject, first: first, login: s.changes[first],
			joins: joins, brought: s.ticket.token,
		}
		if name != "" && joins {
			s.origin.record = originID(s.origin.key)
		}
	}
	return true
}

// goesOnNoMore is for a commit that had nothing to do.
func (s *Session) goesOnNoMore() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.origin = nil
}

// snapshot returns what restore needs, and the number of changes.
func (s *Session) snapshot() (*Session, int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return &Session{
		ticket: s.ticket, stored: s.stored, cur: s.cur.clone(), own: s.own, changes: s.changes, wants: s.wants,
		tried: s.tried, before: s.before, refused: s.refused, quiet: s.quiet, ended: s.ended, login: s.login, err: s.err,
	}, len(s.changes)
}

// restore takes changes back that have come to nothing.
func (s *Session) restore(b *Session) {
	s.commitMu.Lock()
	defer s.commitMu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended && !b.ended { // meanwhile
		return
	}
	s.ticket, s.stored, s.cur, s.changes, s.wants = b.ticket, b.stored, b.cur, b.changes, b.wants
	s.tried, s.before, s.refused = b.tried, b.before, b.refused
	s.quiet, s.ended, s.login, s.err = b.quiet, b.ended, b.login, b.err
}

// errOver says that the session is over which another one continues.
var errOver = fmt.Errorf("%w: the session that goes on with it has ended", ErrNotFound)

// goOn does what comes before the first write of a commit that goes on with an origin.
func (c *commit) goOn(ctx context.Context) error {
	if c.origin.joins {
		over, err := c.originOver(ctx)
		switch {
		case err != nil:
			return err
		case over != nil:
			return over
		case c.stored != nil && !c.ended:
			return nil
		}
	}
	return c.rebase(ctx)
}

// originOver says why the origin's session has ended, or may have; nil: it has not.
func (c *commit) originOver(ctx context.Context) (over, err error) {
	var f found
	if err := f.loadRecord(ctx, c.m, originID(c.origin.key)); err != nil {
		return nil, err
	}
	return f.over(), nil
}

// over says why a session has ended, or may have; nil: it has not.
func (f *found) over() error {
	switch {
	case f.view.out:
		return ErrSignedOut
	case f.view.ended || f.verdict.reason == isUnreadable:
		return errOver
	default:
		return nil
	}
}

// lookBack ends the session again if the origin's has ended since originOver was asked: whoever
// has signed out of that does not know of this one.
func (c *commit) lookBack(ctx context.Context) error {
	over, err := c.originOver(ctx)
	if err != nil || over == nil {
		return err
	}
	if _, err := c.endTicket(ctx, doomed{ticket: c.ticket, stored: c.stored}); err != nil {
		return err
	}
	return errEnded
}

// meet goes on from the session that another request has begun, or signed in to, for the
// same origin, if there is one. f is its record, which then is judged.
func (c *commit) meet(ctx context.Context, f *found) error {
	o, v := c.origin, &f.view
	switch {
	case o.joins && v.subject != o.subject, f.stored == nil && c.stored == nil:
		return nil
	case f.stored == nil:
		return errOver
	case f.over() != nil:
		return f.over()
	case v.subject != o.subject: // it is none of this visitor's business any more
		c.part(f)
		return nil
	}
	t := o.latest(&v.state)
	c.ticket = held{presented: c.m.present(t), hash: t.hash()}
	f.judge(c.m, c.ticket.hash, c.m.opts.RenewGrace)
	if !c.m.bound(c.s.x.r, v) {
		c.m.logOf(&v.state).WarnContext(ctx, "session: not the browser or network that it is bound to, ended", "session", v.idText())
		c.doomed = append(c.doomed, f.doomed(c.ticket, EndBinding)...)
		return errOver
	}
	switch e := v.entry(c.ticket.hash); {
	case f.verdict.standing == good && (o.subject == "" || f.at.Sub(e.at) <= sharedFor):
		c.ticket.offered = true
		c.wants = wants{hand: true, limit: !o.joins && !v.loginSeen()} // who wrote the login may not have come to the limit
		c.find(nothing)
	default:
		f.verdict = verdict{standing: quiet, reason: isExpired} // the visitor joins it
		c.wants.login, c.wants.logins, c.wants.hand = o.subject, 1, false
		t = o.unlisted()
		c.ticket = held{presented: c.m.present(t), hash: t.hash()}
	}
	return nil
}

// part has another session begin than the one that was found.
func (c *commit) part(f *found) {
	c.origin.apart, c.ticket, *f = true, held{}, found{}
}

// find has the changes do nothing that only begin a session, but for login in the place of
// the first.
func (c *commit) find(login change) {
	c.changes = slices.Clone(c.changes)
	for i := c.origin.first; i < len(c.changes); i++ {
		c.changes[i] = nothing
	}
	c.changes[c.origin.first] = login
}

// nothing is a change that does nothing.
func nothing(v *view) error {
	v.idle++
	return nil
}
