package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// errFull says that all places in the list of tickets are taken by some that the
// visitor may still receive.
var errFull = errors.New("session: too many new tickets are on their way to the visitor; try again in ten minutes")

// create stores a session under a new id.
func (c *commit) create(ctx context.Context) error {
	if err := c.s.x.answerable(); err != nil {
		return err
	}
	now := wallNow()
	next := c.view
	t := c.newTicket(true, next.count+1)
	next.offer(c.newEntry(t, now), ticketHash{}, now)
	if next.subject == "" {
		next.see(t.hash, now) // it is the only one that there will be: nothing depends on when it is seen
	}
	done, err := c.admit(ctx, &next, now, true)
	if errors.Is(err, sessionstore.ErrConflict) { // an earlier attempt has landed
		c.ticket = t
	}
	if err != nil {
		return err
	}
	done.hand = true
	replaced := c.leaving()
	if c.stored != nil && c.ticket.standing == good { // which somebody else has signed in to
		left := c.stored
		if c.guest {
			next.replaces, left = left.id, nil
			if c.stored.replaces != "" { // the visitor does not get this one's ticket any more
				next.replaces, left = c.stored.replaces, c.stored.alone()
			}
		}
		if left != nil {
			replaced = append(replaced, doomed{ticket: c.ticket, stored: left, reason: EndReplaced})
		}
	}
	id := t.token.id()
	r, err := c.record(id, &next, t.hash, now)
	if err != nil {
		return err
	}
	events := c.news(&next, true, done)
	if err := c.m.create(ctx, id, r); err != nil {
		c.note(attempt{version: r.Version, ticket: t, left: done, replaced: replaced, events: events}, err)
		if errors.Is(err, sessionstore.ErrExists) { // an earlier attempt has landed
			c.ticket = t
		}
		return written(r, fmt.Errorf("session: creating: %w", err))
	}
	c.replaced, c.events = append(c.replaced, replaced...), append(c.events, events...)
	c.wrote(t, &next, next.stored(id, r), done)
	return nil
}

// update replaces the record by one with the changes in it, and with a new ticket
// in its list if that is due.
func (c *commit) update(ctx context.Context) error {
	now := wallNow()
	unseen := c.view.unseen(c.ticket)
	asked, err := c.asked()
	if err != nil {
		return err
	}
	aged := !asked && c.s.renewDue(&c.view, c.ticket, now)
	e := c.view.entry(c.ticket.hash)
	apart := e != nil && !e.until.IsZero() && c.s.touchDue(&c.view, c.ticket, c.stored, now) // Touch moves the record's expiry only
	changed := len(c.changes) > 0 && !c.idle
	if !changed && !asked && !aged && !unseen && !apart {
		c.touch(ctx)
		return nil
	}
	err = c.replace(ctx, now, asked, aged)
	if err == nil || asked || changed || errors.Is(err, errEnded) || errors.Is(err, sessionstore.ErrConflict) {
		return err
	}
	c.m.logOf(&c.view.state).WarnContext(ctx, "session: not noted that a ticket was seen, or not renewed; the next request tries again",
		"session", c.view.idText(), "error", err)
	c.tellError(err)
	if !apart {
		c.touch(ctx) // a session in use has to live on, though there is no room, perhaps
	}
	return nil
}

// replace writes the state over the version that it was made from.
func (c *commit) replace(ctx context.Context, now time.Time, asked, aged bool) error {
	if c.outlived(now) {
		return sessionstore.ErrConflict // expired, unless another request has extended it: look again
	}
	next, t := c.view, c.ticket
	next.tickets = slices.Clone(next.tickets)
	next.limitAll(c.wants.login != "")
	next.origins = next.origins.with(c.origin.goesInto())
	presented := t.hash
	if t.standing == good {
		next.dropBanked(presented, c.s.x.began)
	} else {
		presented = ticketHash{}
	}
	if !t.offered && (!t.doubted || c.wants.login != "") {
		next.see(t.hash, now)
	}
	if next.replaces != "" && c.view.unseen(t) { // the visitor has got the ticket of what takes its place
		if err := c.endReplaced(ctx, next.replaces, EndReplaced); err != nil {
			return err
		}
		next.replaces = ""
	}
	if asked || aged {
		t = c.newTicket(false, next.count+1)
		if !c.offer(&next, c.newEntry(t, now), presented, now) { // only where it is asked for, see renewDue
			return errFull
		}
	}
	if aged {
		next.aged = now
		next.untaken++
	}
	done, err := c.admit(ctx, &next, now, false)
	if err != nil {
		return err
	}
	done.hand = asked || aged
	if next.writes[0] != c.stored.version {
		next.noteWrite(c.stored.version) // who has written that has not noted it: a Touch that is an Update, for instance
	}
	r, err := c.record(c.stored.id, &next, c.ticket.hash, now)
	if err != nil {
		return err
	}
	events := c.news(&next, false, done)
	switch err := c.m.store.Update(ctx, c.stored.id, c.stored.version, r); {
	case errors.Is(err, ErrNotFound):
		return sessionstore.ErrConflict // rebase decides what that means
	case err != nil:
		a := attempt{old: c.stored.version, version: r.Version, ticket: t, left: done, replaced: c.leaving(), events: events}
		c.note(a, err)
		return written(r, fmt.Errorf("session: updating: %w", err))
	}
	c.replaced, c.events = append(c.replaced, c.leaving()...), append(c.events, events...)
	c.wrote(t, &next, next.stored(c.stored.id, r), done)
	return nil
}

// outlived reports whether the record's time is over by now, or that of the ticket, which was
// good when it was judged, though the record lives longer for another.
func (c *commit) outlived(now time.Time) bool {
	return !now.Before(c.stored.expires) ||
		c.ticket.standing >= retired && c.view.judge(c.ticket.hash, c.m.times(now, underWay)).reason == isExpired
}

// offer appends a ticket to the list, and reports whether room was made for it. One that was
// offered in this very answer stays if it can: it is the visitor's if the answer to this
// write is lost.
func (c *commit) offer(next *view, e entry, presented ticketHash, now time.Time) bool {
	if next.offer(e, presented, now) || next.dropWithheld(c.m.withheld) && next.offer(e, presented, now) {
		return true
	}
	if c.ticket.offered {
		next.tickets = slices.DeleteFunc(next.tickets, func(e entry) bool { return e.hash == c.ticket.hash })
		return next.offer(e, presented, now)
	}
	return e.login && next.dropLogin(presented, now.Add(-c.m.opts.StoreTimeout)) && next.offer(e, presented, now)
}

// record returns the record that keeps v under id from now on. v remembers that it
// was written.
func (c *commit) record(id string, v *view, used ticketHash, now time.Time) (sessionstore.Record, error) {
	m := c.m
	r := sessionstore.Record{Subject: v.subject, Expires: c.expires(v, used, now), Version: sessionstore.NewVersion()}
	if !now.Before(r.Expires) {
		return r, errPast
	}
	v.noteWrite(r.Version)
	var err error
	if r.Data, err = m.encode(id, &v.state); err != nil {
		return r, err
	}
	if len(r.Data) > m.opts.MaxSize {
		return r, fmt.Errorf("%w: %d bytes, Options.MaxSize is %d", ErrTooLarge, len(r.Data), m.opts.MaxSize)
	}
	return r, nil
}

// expires returns when a session ends that is used at now. A passive request does not
// use it, nor does one that is refused.
func (c *commit) expires(v *view, used ticketHash, now time.Time) time.Time {
	var prior time.Time
	if c.stored != nil {
		prior = c.stored.expires
	}
	uses := !c.s.x.passive && !c.ticket.doubted || c.stored == nil || c.wants.login != ""
	return c.m.expires(v, used, uses, now, prior)
}

// written returns the error of a write, or errPast if the time of the record was over
// when the store looked at it.
func written(r sessionstore.Record, err error) error {
	if errors.Is(err, ErrInvalid) && !wallNow().Before(r.Expires) {
		return errPast
	}
	return err
}

// note remembers a write whose outcome is unknown.
func (c *commit) note(a attempt, err error) {
	a.refused = sessionstore.Certain(err) && (errors.Is(err, sessionstore.ErrConflict) || errors.Is(err, sessionstore.ErrExists))
	if a.refused || !sessionstore.Certain(err) {
		a.changes, a.wants, a.before = len(c.changes), c.wants, c.before
		c.tried = append(c.tried, a)
	}
}

// news returns what is to be told of a write.
func (c *commit) news(next *view, create bool, left wants) (events []Event) {
	if c.m.opts.OnEvent == nil {
		return nil
	}
	if create {
		events = append(events, next.event(EventCreated))
	}
	if c.view.unseen(c.ticket) {
		events = append(events, next.event(EventSeen))
	}
	switch {
	case c.wants.login != "":
		events = append(events, next.event(EventAuthenticated))
	case left.hand && c.stored != nil:
		events = append(events, next.event(EventOffered))
	}
	return events
}

// wrote takes over what a write has stored.
func (c *commit) wrote(t held, next *view, record *stored, left wants) {
	left.hand, left.limit = left.hand || c.wants.hand, left.limit || c.wants.limit // of a write that was found to have landed
	c.ticket, c.view, c.stored, c.wants, c.saved = t, *next, record, left, true
	c.ended, c.left = false, nil
}

// asked reports whether a ticket has to be offered because the handler wants it. An
// error says that the visitor could not get it: a login fails, anything else is
// saved without the new ticket.
func (c *commit) asked() (bool, error) {
	login := c.wants.login != ""
	if !login && c.wants.offers == 0 {
		return false, nil
	}
	err := c.s.x.answerable()
	if err == nil && !login && c.ticket.standing == retired {
		err = ErrRetired
	}
	if err == nil || login {
		return true, err
	}
	c.notMoved = err
	return false, nil
}

// newTicket returns the ticket to offer: of the session that is there, or of a new
// one. A Create that has got no answer may land long after another one has worked, even
// when the session has ended since. So each attempt has a ticket of its own: the record
// that comes late lists none that was handed out. number is the offer's.
func (c *commit) newTicket(create bool, number uint64) held {
	if c.acting != nil {
		return c.acting.ticket
	}
	t := newToken()
	if !create {
		t = c.ticket.token.sibling()
	}
	for i := range c.tried {
		if create && c.tried[i].old == 0 && c.origin == nil {
			t = c.tried[i].ticket.token.sibling() // its record may be there
		}
	}
	if c.meets() {
		t = c.origin.token(c.view.id, number, c.view.seed)
	}
	return held{presented: c.m.present(t), hash: t.hash(), standing: good, offered: true}
}

// newEntry returns the entry of a ticket that is good for what the request's own is,
// and for what the request has proved.
func (c *commit) newEntry(t held, now time.Time) entry {
	e := entry{rights: c.view.rights, hash: t.hash, at: now, login: c.wants.login != "", shared: c.meets(), form: c.m.form}
	if old := c.view.entry(c.ticket.hash); old != nil {
		e.until = old.until
	}
	if c.acting != nil {
		e.as = c.acting.id
	}
	return e
}
