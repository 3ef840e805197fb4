package session

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The encoding of an entry in the list of tickets:
//
//	 0  2  flags: from before a login, made by a login, shared, and what is there of the rest
//	 2 16  hash
//	18 16  seed
//	34  4  form
//	38  8  at
//	46  8  started
//	54     number of the offer, then of the sight, as uvarints
//	       when it was retired, when it was authenticated, until, deadline, idle
//	       timeout, absolute timeout: 8 bytes each; persistence: 1 byte; the record of the
//	       session in which its holder acts: 32 bytes; each if its flag is set
//	       levels to the end: when each ends (8 bytes), its length (uvarint), its name
const (
	entryBefore = 1 << iota
	entryLogin
	entryRetired
	entryAuthenticated
	entryUntil
	entryDeadline
	entryIdle
	entryAbsolute
	entryPersistence
	entryAs
	entryShared

	entryFixed = 54
	entrySize  = entryFixed + 32 // most entries have no levels
)

func (e *entry) append(b []byte) []byte {
	var buf [2 * entrySize]byte
	c := binary.BigEndian.AppendUint16(buf[:0], e.flags())
	c = append(c, e.hash[:]...)
	c = append(c, e.seed[:]...)
	c = binary.BigEndian.AppendUint32(c, e.form)
	c = appendInstant(c, e.at)
	c = appendInstant(c, e.started)
	c = binary.AppendUvarint(c, e.offered)
	c = binary.AppendUvarint(c, e.seen)
	for _, t := range []time.Time{e.retired, e.authenticated, e.until, e.deadline} {
		if !t.IsZero() {
			c = appendInstant(c, t)
		}
	}
	for _, d := range []time.Duration{e.idle, e.absolute} {
		if d != 0 {
			c = binary.BigEndian.AppendUint64(c, uint64(d)) //nolint:gosec // not negative
		}
	}
	if e.persistence != persistDefault {
		c = append(c, byte(e.persistence))
	}
	if e.acts() {
		c = append(c, e.as[:]...)
	}
	for _, s := range e.steps {
		c = appendInstant(c, s.until)
		c = binary.AppendUvarint(c, uint64(len(s.level)))
		c = append(c, s.level...)
	}
	return appendField(b, tagTicket, c)
}

func (e *entry) flags() uint16 {
	var flags uint16
	for i, set := range []bool{
		e.before, e.login, e.isRetired(), !e.authenticated.IsZero(), !e.until.IsZero(), !e.deadline.IsZero(), e.idle != 0, e.absolute != 0,
		e.persistence != persistDefault, e.acts(), e.shared,
	} {
		if set {
			flags |= 1 << i
		}
	}
	return flags
}

// appendInstant appends a time, 0 if it is zero.
func appendInstant(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return append(b, make([]byte, 8)...)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixNano()))
}

func (d *decoder) entry(st *state) error {
	if len(d.b) < entryFixed {
		return fmt.Errorf("%w: ticket is cut short", sessionstore.ErrCorrupt)
	}
	b := d.b
	flags := binary.BigEndian.Uint16(b)
	st.tickets = append(st.tickets, entry{})
	e := &st.tickets[len(st.tickets)-1]
	e.seed, e.started = [seedLen]byte(b[18:34]), instant(b[46:54])
	e.hash, e.form, e.at = ticketHash(b[2:18]), binary.BigEndian.Uint32(b[34:38]), instant(b[38:46])
	e.before, e.login, e.shared = flags&entryBefore != 0, flags&entryLogin != 0, flags&entryShared != 0
	d.skip(entryFixed)
	var ok1, ok2 bool
	e.offered, ok1 = d.uvarint()
	e.seen, ok2 = d.uvarint()
	ok := ok1 && ok2
	ok = d.optional(flags, e) && ok
	for ok && len(d.b) > 0 {
		ok = d.step(e)
	}
	if !ok {
		return fmt.Errorf("%w: ticket is cut short", sessionstore.ErrCorrupt)
	}
	return nil
}

// optional decodes what is there if its flag is set.
func (d *decoder) optional(flags uint16, e *entry) bool {
	ok := true
	for _, t := range []struct {
		flag uint16
		to   *time.Time
	}{{entryRetired, &e.retired}, {entryAuthenticated, &e.authenticated}, {entryUntil, &e.until}, {entryDeadline, &e.deadline}} {
		if flags&t.flag != 0 {
			ok = d.instant(t.to) && ok
		}
	}
	for _, t := range []struct {
		flag uint16
		to   *time.Duration
	}{{entryIdle, &e.idle}, {entryAbsolute, &e.absolute}} {
		if flags&t.flag != 0 {
			ok = d.duration(t.to) && ok
		}
	}
	if flags&entryPersistence != 0 {
		if len(d.b) == 0 {
			return false
		}
		e.persistence = persistence(d.b[0])
		d.skip(1)
	}
	if flags&entryAs != 0 {
		if len(d.b) < len(e.as) {
			return false
		}
		d.skip(copy(e.as[:], d.b))
	}
	return ok
}

// duration reads one that is not negative.
func (d *decoder) duration(to *time.Duration) bool {
	if len(d.b) < 8 {
		return false
	}
	*to = time.Duration(binary.BigEndian.Uint64(d.b)) //nolint:gosec // checked below
	d.skip(8)
	return *to >= 0
}

func (d *decoder) step(e *entry) bool {
	var s step
	if !d.instant(&s.until) {
		return false
	}
	size, ok := d.uvarint()
	if !ok || size > uint64(len(d.b)) {
		return false
	}
	s.level = string(d.b[:size])
	d.skip(int(size)) //nolint:gosec // not above len(d.b)
	e.steps = append(e.steps, s)
	return true
}

func (d *decoder) instant(t *time.Time) bool {
	if len(d.b) < 8 {
		return false
	}
	*t = instant(d.b)
	d.skip(8)
	return true
}

func instant(b []byte) time.Time {
	n := int64(binary.BigEndian.Uint64(b)) //nolint:gosec // the inverse of appendInstant
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}

// check refuses a list of tickets that this package can't have written: whatever it
// says of who may do what is not to be trusted.
func (st *state) check() error {
	if len(st.tickets) == 0 || len(st.tickets) > maxEntries {
		return fmt.Errorf("%d tickets", len(st.tickets))
	}
	var last uint64
	for i := range st.tickets {
		e := &st.tickets[i]
		switch {
		case st.ended:
		case e.offered <= last || e.offered > st.count || e.seen > st.count:
			return errors.New("tickets out of order")
		case e.seen != 0 && e.seen <= e.offered:
			return errors.New("a ticket was seen before it was offered")
		case e.isRetired() && e.seen == 0:
			return errors.New("a ticket was retired that nobody has seen")
		}
		last = e.offered
		for j := range i {
			if st.tickets[j].hash == e.hash {
				return errors.New("a ticket is listed twice")
			}
		}
	}
	return nil
}
