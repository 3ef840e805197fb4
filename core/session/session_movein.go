package session

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
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
// than ten minutes ago, by Destroy for instance, the error is [ErrNotFound]. So no request
// undoes a logout, if the old session is ended within that time as well.
//
// A visitor who has an anonymous session here already keeps that, and is signed in to it. If
// their ticket is no longer good for it, because the answer to that login was lost, they get
// it back. If it is another subject's by now, or has ended, the error is ErrNotFound. MoveIn
// does nothing where somebody is signed in already, or acts as another.
//
// An empty origin names none, and the request gets a session of its own. Two visitors who
// show the same must not be given the same name: they would share a session. What fill
// commits by itself is the request's own as well: it should only set what is to be there.
//
// In a session that travels in its cookie, MoveIn is Authenticate, fill and Commit: two
// requests get two.
func (s *Session) MoveIn(ctx context.Context, origin, subject string, fill func() error) error {
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
		tried: s.tried, refused: s.refused, quiet: s.quiet, ended: s.ended, login: s.login, err: s.err,
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
	s.tried, s.refused, s.quiet, s.ended, s.login, s.err = b.tried, b.refused, b.quiet, b.ended, b.login, b.err
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
		case over:
			return errOver
		case c.stored != nil:
			return nil
		}
	}
	return c.rebase(ctx)
}

// originOver reports whether the origin's session has ended, or may have.
func (c *commit) originOver(ctx context.Context) (bool, error) {
	var f found
	err := f.loadRecord(ctx, c.m, originID(c.origin.key))
	return f.view.ended || f.verdict.reason == isUnreadable, err
}

// lookBack ends the session again if the origin's has ended since originOver was asked: whoever
// has signed out of that does not know of this one.
func (c *commit) lookBack(ctx context.Context) error {
	over, err := c.originOver(ctx)
	if err != nil || !over {
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
	case f.stored == nil, v.ended, f.verdict.reason == isUnreadable:
		return errOver
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

// EndMovedIn ends the session that goes on with another system's, see
// [Session.MoveIn], and keeps it from beginning again for ten minutes. It is no error if
// there is none, or if somebody has signed in to it since: whoever shows the old session
// gets another one then.
func (m *Manager) EndMovedIn(ctx context.Context, origin, subject string) error {
	if m.store == nil {
		return fmt.Errorf("%w: a session that travels in its cookie", ErrUnsupported)
	}
	ctx, cancel := context.WithTimeout(ctx, m.opts.StoreTimeout)
	defer cancel()
	ended, err := m.endRecord(ctx, originID(m.originKey(origin, subject)), func(at *stored) bool { return at.subject == subject })
	if ended != nil {
		m.emit(ctx, ended.over(EndRevoked))
	}
	return m.tellError(ctx, err)
}

// endReplaced ends the session that the visitor's has taken the place of.
func (c *commit) endReplaced(ctx context.Context, id string, why EndReason) error {
	ended, err := c.m.endRecord(ctx, id, func(*stored) bool { return true })
	if ended != nil {
		c.event(ended.over(why))
	}
	return err
}

// endRecord leaves a tombstone under an id, in the place of a session if there is one,
// which it returns. If that is not to end, nothing is done.
func (m *Manager) endRecord(ctx context.Context, id string, ends func(*stored) bool) (*stored, error) {
	for attempt := 0; ; attempt++ {
		var f found
		err := f.loadRecord(ctx, m, id)
		if err != nil || f.view.ended || f.stored != nil && !ends(f.stored) {
			return nil, err
		}
		err = m.close(ctx, id, f.stored)
		if err == nil {
			return f.stored, nil
		}
		if !errors.Is(err, sessionstore.ErrConflict) && !errors.Is(err, sessionstore.ErrExists) && !errors.Is(err, ErrNotFound) {
			return nil, fmt.Errorf("session: ending: %w", err)
		}
		if err := backOff(ctx, attempt); err != nil {
			return nil, fmt.Errorf("session: ending: %w", err)
		}
	}
}

// close leaves a tombstone under an id, in the place of a record if there is one.
func (m *Manager) close(ctx context.Context, id string, at *stored) error {
	if at != nil {
		if err := m.endAt(ctx, at); err != nil || at.version != 0 {
			return err
		} // else it can't be read, and was deleted
	}
	nobodys := newToken() // a record lists a ticket
	r, err := m.tombstone(id, &state{id: newView(wallNow()).id, ended: true, tickets: []entry{{hash: nobodys.hash()}}})
	if err != nil {
		return err
	}
	return m.create(ctx, id, r, true)
}

// create creates a record. again says that the id may have had one before: where the store's
// clock is behind and it still holds that although it has expired, it is replaced.
func (m *Manager) create(ctx context.Context, id string, r sessionstore.Record, again bool) error {
	err := m.store.Create(ctx, id, r)
	if !again || !errors.Is(err, sessionstore.ErrExists) {
		return err
	}
	at, failed := m.store.Load(ctx, id)
	if failed != nil || wallNow().Before(at.Expires) {
		return err
	}
	if replaced := m.store.Update(ctx, id, at.Version, r); !errors.Is(replaced, ErrNotFound) {
		return replaced
	}
	return err
}

// alone returns the session without the one that ends with it.
func (s *stored) alone() *stored {
	c := *s
	c.replaces = ""
	return &c
}
