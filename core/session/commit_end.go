package session

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A doomed session is ended by a commit.
type doomed struct {
	ticket held
	stored *stored // nil: not looked at yet
	reason EndReason
	still  func(*state) bool // whether the reason holds when another request has written; nil: it does
	along  *stored           // no ticket's session, but what ends along with this one, see endAlong
	acting bool              // the session in which the ticket's holder acts, or else
	own    bool              // the ticket leads to another one: this is the holder's own
}

// tombstoneLife is how long a tombstone keeps the tickets of an ended session quiet:
// longer than a request that brought one takes to be answered.
const tombstoneLife = 10 * time.Minute

// end ends what Destroy, and the like, have doomed, or what a login replaces.
func (c *commit) end(ctx context.Context, all *[]doomed) error {
	for len(*all) > 0 {
		d := (*all)[0]
		if d.along != nil {
			if err := c.endAlong(ctx, d.along, d.reason); err != nil {
				return err
			}
			*all = (*all)[1:]
			continue
		}
		ended, err := c.endTicket(ctx, d)
		if err != nil {
			return err
		}
		*all = (*all)[1:]
		if ended != nil {
			c.event(ended.over(d.reason))
		}
		switch {
		case d.still == nil:
		case ended != nil:
			*all = append(*all, doomed{along: ended, reason: d.reason})
		default: // it goes on: no other takes its place in the browser
			c.quiet = true
		}
		c.wants.unset = c.wants.unset || ended != nil && d.reason != EndReplaced && !d.acting
	}
	if c.wants.unset && c.stored == nil { // else the visitor has brought another session as well, and is to keep it
		c.cookie = cookieUnset
	}
	return nil
}

// endTicket ends the session of a ticket, if the ticket is good enough for that,
// and returns what has ended.
func (c *commit) endTicket(ctx context.Context, d doomed) (*stored, error) {
	if d.acting { // no ticket of its own has to be kept quiet
		return d.stored, c.m.remove(ctx, d.stored.id)
	}
	at, grace := d.stored, underWay
	if at == nil { // the request has not had it
		grace = c.m.opts.RenewGrace
	}
	for attempt := 0; ; attempt++ {
		if at == nil {
			var err error
			if at, err = c.lookAgain(ctx, d, grace); at == nil {
				return nil, err // nothing has ended
			}
		}
		if d.still == nil { // else they end behind it: it may go on, and they with it
			if err := c.endAlong(ctx, at, d.reason); err != nil {
				return nil, err
			}
		}
		err := c.m.endAt(ctx, at, d.reason.isFinal())
		switch {
		case errors.Is(err, errNotKept):
			return at, nil
		case errors.Is(err, ErrNotFound):
			return at, c.m.remove(ctx, at.id) // for a process whose clock is behind, it may be there
		case !errors.Is(err, sessionstore.ErrConflict):
			return at, err
		}
		if err := backOff(ctx, attempt); err != nil {
			return nil, fmt.Errorf("session: ending: %w", err)
		}
		at = nil
	}
}

// endAlong ends what ends with a session: first, so that a failure leaves what tells of it.
func (c *commit) endAlong(ctx context.Context, at *stored, why EndReason) error {
	if at.replaces != "" {
		if err := c.endReplaced(ctx, at.replaces, why); err != nil {
			return err
		}
	}
	if why == "" { // nobody has ended it: its time is over, or it was taken back
		return nil
	}
	return c.closeOrigins(ctx, at.origins, why)
}

// lookAgain returns what is to be ended, if it is to be ended still, when somebody else
// has written or the request has not had it.
func (c *commit) lookAgain(ctx context.Context, d doomed, grace time.Duration) (*stored, error) {
	f, err := c.loadDoomed(ctx, d, grace)
	switch {
	case err != nil:
		return nil, err
	case d.stored != nil && d.still == nil && (f.stored == nil || f.verdict.reason == isExpired):
		return c.m.loadTimedOut(ctx, d.stored.id) // for a process whose clock is behind it has not
	case d.stored == nil && f.stored == nil:
		return nil, c.m.remove(ctx, d.ticket.token.id()) // likewise
	case !f.endable() && !d.dropped(&f) || d.still != nil && !d.still(&f.view.state):
		return nil, nil //nolint:nilnil // the same
	}
	return f.stored, nil
}

// dropped reports whether the session no longer lists the ticket, which was good for it when
// the request came: others may go on in it with theirs.
func (d *doomed) dropped(f *found) bool {
	return d.stored != nil && f.verdict.reason == isUnlisted && f.stored.publicID == d.stored.publicID
}

// loadTimedOut returns what the store has under an id, whatever the clock of this process
// says of it.
func (m *Manager) loadTimedOut(ctx context.Context, id string) (*stored, error) {
	r, err := m.store.Load(ctx, id)
	switch {
	case errors.Is(err, ErrNotFound):
		return nil, nil //nolint:nilnil // nothing is there
	case err != nil:
		return nil, fmt.Errorf("session: loading: %w", err)
	}
	var st state
	err = m.decode(id, r, &st)
	switch {
	case errors.Is(err, sessionstore.ErrCorrupt):
		return &stored{id: id}, nil
	case err != nil || st.ended:
		return nil, err
	}
	return st.stored(id, r), nil
}

// loadDoomed returns the session that is to end.
func (c *commit) loadDoomed(ctx context.Context, d doomed, grace time.Duration) (found, error) {
	var f found
	err := f.load(ctx, c.m, &d.ticket, grace)
	if (d.own || d.stored == nil) && f.own != nil { // the other one ends with it
		f = *f.own
	}
	return f, err
}

// endAt ends a session at the version that was seen. out says that nothing is to bring it back.
// errNotKept says that it has ended, and left no tombstone.
func (m *Manager) endAt(ctx context.Context, at *stored, out bool) error {
	err := m.bury(ctx, at, out)
	if err == nil || errors.Is(err, sessionstore.ErrConflict) || errors.Is(err, ErrNotFound) {
		return err
	}
	var f found
	if err := f.loadRecord(ctx, m, at.id); err == nil && f.view.ended && (f.view.out || !out) {
		return nil // it is there although its answer was lost, and is worth keeping, see MoveIn
	}
	if err := m.remove(ctx, at.id); err != nil { // no room for a tombstone, perhaps; Delete needs none
		return err
	}
	left := at.tombstone()
	left.out = out
	return m.leave(ctx, at.id, &left)
}

// errNotKept says that there is no session under an id, but that one may begin there.
var errNotKept = errors.New("session: no tombstone was left")

// leave creates a tombstone where no record is.
func (m *Manager) leave(ctx context.Context, id string, left *state) error {
	r, err := m.tombstone(id, left)
	if err == nil {
		err = m.create(ctx, id, r)
	}
	if err != nil {
		err = fmt.Errorf("%w: %w", errNotKept, err)
	}
	return err
}

// bury replaces the record of a session by a tombstone, at the version that was
// seen.
func (m *Manager) bury(ctx context.Context, at *stored, out bool) error {
	if at.version == 0 { // it can't be read, and so not be replaced
		return m.remove(ctx, at.id)
	}
	tombstone := at.tombstone()
	tombstone.out = out
	r, err := m.tombstone(at.id, &tombstone)
	if err != nil {
		return err
	}
	return m.store.Update(ctx, at.id, at.version, r)
}

// tombstone returns the record under id that keeps what is left of a session.
func (m *Manager) tombstone(id string, left *state) (sessionstore.Record, error) {
	data, err := m.encode(id, left)
	return sessionstore.Record{Data: data, Expires: wallNow().Add(tombstoneLife), Version: sessionstore.NewVersion()}, err
}

// remove deletes a record.
func (m *Manager) remove(ctx context.Context, id string) error {
	if err := m.store.Delete(ctx, id); err != nil {
		return fmt.Errorf("session: ending: %w", err)
	}
	return nil
}

// tombstone returns what is left of a session that has ended: enough for its
// tickets to be known, and for a form of its pages to verify.
func (s *stored) tombstone() state {
	t := state{id: s.publicID, ended: true, tickets: make([]entry, len(s.tickets))}
	for i := range s.tickets {
		e := &s.tickets[i]
		t.tickets[i] = entry{hash: e.hash, rights: rights{seed: e.seed}}
		if e.acts() {
			t.tickets[i].seed = e.actingSeed()
		}
	}
	return t
}

// expire ends a session whose deadline has passed before it was saved: what is
// stored would live on without it. What a login was to replace has no such deadline.
func (c *commit) expire(ctx context.Context, past error) error {
	switch {
	case c.stored == nil, c.view.replaced:
	case c.m.store == nil:
		c.cookie = cookieUnset
	default:
		if _, err := c.endTicket(ctx, doomed{ticket: c.ticket, stored: c.stored}); err != nil {
			return err
		}
	}
	return past
}
