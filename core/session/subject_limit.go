package session

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A login with Options.MaxSessions lists its subject's sessions twice: before it is
// written, to be placed behind all others, and afterwards, to keep the limit. Of logins
// at the same moment the one that looks last sees all. All rank the sessions alike, by
// place and then by id, so that none ends a session that another would keep. Clocks
// need not agree: a place is later than all that were there.

// place ranks a session among its subject's.
func (f *found) place() time.Time {
	place := f.view.newestStart() // of the last login
	if f.view.place.After(place) {
		place = f.view.place
	}
	return place
}

// takesPlace reports whether a login makes one more session of its subject. Where the
// one that is joined was not received yet, the request that wrote it may not have kept
// the limit.
func (c *commit) takesPlace(next *view) bool {
	switch {
	case c.wants.login == "":
		return false
	case c.stored == nil || c.stored.subject != next.subject:
		return true
	case next.letIn:
		return c.view.lost(wallNow(), c.m.opts.AbsoluteTimeout)
	default:
		return !next.loginSeen()
	}
}

// admit places a login behind the others of its subject, or refuses it, and returns
// what is to be done once it is written.
func (c *commit) admit(ctx context.Context, next *view, now time.Time, create bool) (wants, error) {
	if c.m.opts.MaxSessions == 0 || !c.takesPlace(next) {
		return wants{}, nil
	}
	live, err := c.m.entries(ctx, next.subject)
	if err != nil {
		return wants{}, err
	}
	live = counted(live)
	if create && c.meets() && slices.ContainsFunc(live, func(f *found) bool { return f.stored.id == originID(c.origin.key) }) {
		return wants{}, sessionstore.ErrExists // another request has begun it
	}
	if c.m.opts.RefuseNew {
		if err := c.refuse(ctx, live, next, create); err != nil {
			return wants{}, err
		}
	}
	next.place, next.letIn = now, false
	for _, f := range live {
		if p := f.place(); f.view.id != next.id && !p.Before(next.place) {
			next.place = p.Add(time.Nanosecond)
		}
	}
	return wants{limit: true}, nil
}

// refuse returns ErrTooManySessions if there is no room for a login besides the
// subject's others. Those end, as far as the room is needed, that never reached their
// visitor.
func (c *commit) refuse(ctx context.Context, live []*found, next *view, create bool) error {
	others := len(live)
	for _, f := range live {
		switch {
		case f.view.id != next.id:
		case create || f.stored.version != c.stored.version: // it has landed, perhaps
			return sessionstore.ErrConflict
		default:
			others--
		}
	}
	for _, f := range live {
		if others < c.m.opts.MaxSessions {
			break
		}
		if f.view.id == next.id || !c.lost(f) {
			continue
		}
		if err := c.evict(ctx, f); err != nil && !errors.Is(err, sessionstore.ErrConflict) {
			return err
		} else if err == nil {
			others--
		}
	}
	if others >= c.m.opts.MaxSessions {
		return fmt.Errorf("%w: %d", ErrTooManySessions, others)
	}
	c.before = &before{commit: *c}
	if create {
		return nil
	}
	r, err := c.m.store.Load(ctx, c.stored.id)
	switch {
	case errors.Is(err, ErrNotFound), err == nil && r.Version != c.stored.version:
		return sessionstore.ErrConflict
	case err != nil:
		return fmt.Errorf("session: loading: %w", err)
	}
	c.before.record = r
	return nil
}

// before is what there was before a login, in case that it has to be taken back.
type before struct {
	commit commit
	record sessionstore.Record // if the login goes into it
	past   bool                // the commit that has made the login is over
}

// keepBefore keeps what a later commit may need.
func (c *commit) keepBefore() {
	if !c.wants.limit {
		c.before = nil
	}
	if c.before != nil {
		c.before.past = true
	}
	for i := range c.tried {
		if b := c.tried[i].before; b != nil {
			b.past = true
		}
	}
}

// lost reports whether nobody will present a ticket of the login: none was handed out, or it
// has been on its way for too long. The request's own has arrived.
func (c *commit) lost(f *found) bool {
	return f.view.id != c.view.id && (f.view.lost(wallNow(), c.m.opts.AbsoluteTimeout) || f.view.withheld(c.m.withheld))
}

// keepLimit sees to it that the subject has no more than MaxSessions.
func (c *commit) keepLimit(ctx context.Context) error {
	switch {
	case c.m.opts.MaxSessions == 0:
		return nil
	case c.m.opts.RefuseNew:
		return c.keepWithin(ctx)
	}
	for round, batch := 0, evictBatch; ; round, batch = round+1, min(2*batch, maxEvictBatch) {
		live, err := c.m.entries(ctx, c.view.subject)
		if err != nil {
			return err
		}
		live = counted(live)
		if !c.owns(live) {
			return errEnded
		}
		over := c.over(live)
		if len(over) == 0 {
			return nil
		}
		// Many logins at the same moment end the same sessions: each begins with a few
		// others, and then looks what is left.
		random := rand.New(rand.NewPCG(uint64(sessionstore.NewVersion()), 0)) //nolint:gosec // it guards nothing
		random.Shuffle(len(over), func(i, j int) { over[i], over[j] = over[j], over[i] })
		for _, f := range over[:min(batch, len(over))] {
			if err := c.evict(ctx, f); err != nil && !errors.Is(err, sessionstore.ErrConflict) {
				return err
			}
		}
		if err := backOff(ctx, round); err != nil {
			return fmt.Errorf("session: ending sessions above the limit: %w", err)
		}
	}
}

// keepWithin takes the login back if it is above the limit. If it is within, it waits
// for the others to take themselves back. One that was let in before this one was
// written does not: when a few looks have found nobody gone, this one is refused. Where several
// requests make one login, the first one that finds room has the others know.
func (c *commit) keepWithin(ctx context.Context) error {
	const looks = 4
	var over []*found
	for waited := 0; ; waited++ {
		live, err := c.m.entries(ctx, c.view.subject)
		if err != nil {
			return err
		}
		live = counted(live)
		own := slices.IndexFunc(live, func(f *found) bool { return f.view.id == c.view.id })
		if own < 0 { // an earlier attempt has taken it back, perhaps
			return errEnded
		}
		at, last := live[own], over
		over = c.over(live)
		if slices.ContainsFunc(last, func(f *found) bool { return !includes(over, f.view.id) }) {
			waited = 0
		}
		switch {
		case at.view.letIn, len(over) == 0 && !c.contested(at):
			return nil
		case len(over) == 0:
			if err := c.letIn(ctx, at); !errors.Is(err, sessionstore.ErrConflict) {
				return err
			}
		case c.owns(over) || waited >= looks:
			if err := c.takeBack(ctx, at); !errors.Is(err, sessionstore.ErrConflict) {
				return err
			} // another request has joined it since, and there may be room for it
		}
		if err := backOff(ctx, waited); err != nil {
			return fmt.Errorf("session: waiting for logins above the limit: %w", err)
		}
	}
}

// contested reports whether another request may take the login back as well: one that it has
// joined, or that goes on with the same as this one, see MoveIn.
func (c *commit) contested(at *found) bool {
	return slices.ContainsFunc(at.view.tickets, func(e entry) bool {
		return e.pending() && (e.shared || e.hash != c.ticket.hash)
	})
}

// owns reports whether the commit's own session is among some of its subject's.
func (c *commit) owns(some []*found) bool {
	return includes(some, c.view.id)
}

func includes(some []*found, id publicID) bool {
	return slices.ContainsFunc(some, func(f *found) bool { return f.view.id == id })
}

// evictBatch is how many sessions keepLimit ends before it looks for the first time;
// it doubles, so that looking costs little beside ending.
const (
	evictBatch    = 8
	maxEvictBatch = 1024
)

// over returns the subject's sessions above the limit: those whose login nobody has
// received, then the oldest, or with RefuseNew the newest.
func (c *commit) over(live []*found) []*found {
	rank := func(f *found) int {
		if c.lost(f) {
			return 1
		}
		return 0
	}
	slices.SortFunc(live, func(a, b *found) int {
		byPlace := b.place().Compare(a.place())
		if c.m.opts.RefuseNew {
			byPlace = -byPlace
		}
		return cmp.Or(rank(a)-rank(b), byPlace, bytes.Compare(a.view.id[:], b.view.id[:]))
	})
	return live[min(c.m.opts.MaxSessions, len(live)):]
}

// evict ends one of the subject's sessions, unless it has changed since it was
// listed.
func (c *commit) evict(ctx context.Context, f *found) error {
	err := c.m.bury(ctx, f.stored, false)
	switch {
	case err == nil:
		c.event(f.stored.over(EndEvicted))
		return nil
	case errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, sessionstore.ErrConflict):
		return err
	default: // no room for a tombstone, perhaps; Delete needs none
		return c.m.remove(ctx, f.stored.id)
	}
}

// takeBack undoes a login that came too late, in the session that was listed, and returns
// ErrTooManySessions. All else is as if it had been refused before. Where the session doesn't
// list the login's ticket, another request has undone it, with one that it was made on: what
// others have changed since, and another login among that, is not this one's to undo.
func (c *commit) takeBack(ctx context.Context, at *found) error {
	if at.view.entry(c.ticket.hash) != nil {
		if err := c.unwrite(ctx, at.stored); err != nil {
			return err
		}
	}
	switch b := c.before; {
	case b == nil:
	case b.past: // its changes are settled
		c.ticket, c.stored, c.own, c.quiet = b.commit.ticket, b.commit.stored, b.commit.own, b.commit.quiet
		c.replaced, c.left = b.commit.replaced, b.commit.left
	default:
		*c = b.commit
	}
	return fmt.Errorf("%w: %d", ErrTooManySessions, c.m.opts.MaxSessions)
}

// unwrite puts the record back that a login has gone into, or ends its session.
func (c *commit) unwrite(ctx context.Context, at *stored) error {
	if c.before != nil && c.before.record.Version != 0 {
		r := c.before.record
		r.Version = sessionstore.NewVersion()
		err := c.m.store.Update(ctx, at.id, at.version, r)
		switch {
		case err == nil || errors.Is(err, ErrNotFound):
			return nil
		case !errors.Is(err, ErrInvalid): // else its time is over
			return fmt.Errorf("session: taking back a login: %w", err)
		}
	}
	if c.origin != nil {
		return c.unbegin(ctx, at)
	}
	_, err := c.endTicket(ctx, doomed{ticket: c.ticket, stored: at.alone()})
	return err
}

// unbegin ends a session that goes on with another system's, at the version that was listed: what
// the visitor has been promised since stays, and so does a logout. Another one may begin soon.
func (c *commit) unbegin(ctx context.Context, at *stored) error {
	const soon = time.Second
	left := at.tombstone()
	r, err := c.m.tombstone(at.id, &left)
	if err != nil {
		return err
	}
	r.Expires = wallNow().Add(soon)
	switch err := c.m.store.Update(ctx, at.id, at.version, r); {
	case err == nil, errors.Is(err, ErrNotFound):
		return nil
	case errors.Is(err, sessionstore.ErrConflict):
		return err
	default: // no room, perhaps; Delete needs none
		return c.m.remove(ctx, at.id)
	}
}
