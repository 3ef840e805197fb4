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
//	 0  1  flags: from before a login, made by a login, retired, authenticated
//	 1 16  hash
//	17 16  seed
//	33  4  form
//	37  8  at
//	45  8  started
//	53     number of the offer, then of the sight, as uvarints
//	       when it was retired, when it was authenticated: 8 bytes each, if the flags say so
//	       levels to the end: when each ends (8 bytes), its length (uvarint), its name
const (
	entryBefore = 1 << iota
	entryLogin
	entryRetired
	entryAuthenticated

	entryFixed = 53
	entrySize  = entryFixed + 32 // most entries have no levels
)

func (e *entry) append(b []byte) []byte {
	var buf [2 * entrySize]byte
	c := append(buf[:0], e.flags())
	c = append(c, e.hash[:]...)
	c = append(c, e.seed[:]...)
	c = binary.BigEndian.AppendUint32(c, e.form)
	c = appendInstant(c, e.at)
	c = appendInstant(c, e.started)
	c = binary.AppendUvarint(c, e.offered)
	c = binary.AppendUvarint(c, e.seen)
	if e.isRetired() {
		c = appendInstant(c, e.retired)
	}
	if !e.authenticated.IsZero() {
		c = appendInstant(c, e.authenticated)
	}
	for _, s := range e.steps {
		c = appendInstant(c, s.until)
		c = binary.AppendUvarint(c, uint64(len(s.level)))
		c = append(c, s.level...)
	}
	return appendField(b, tagTicket, c)
}

func (e *entry) flags() byte {
	var flags byte
	if e.before {
		flags |= entryBefore
	}
	if e.login {
		flags |= entryLogin
	}
	if e.isRetired() {
		flags |= entryRetired
	}
	if !e.authenticated.IsZero() {
		flags |= entryAuthenticated
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
	flags := b[0]
	e := entry{
		rights: rights{seed: [seedLen]byte(b[17:33]), started: instant(b[45:53])},
		hash:   ticketHash(b[1:17]), form: binary.BigEndian.Uint32(b[33:37]), at: instant(b[37:45]),
		before: flags&entryBefore != 0, login: flags&entryLogin != 0,
	}
	d.skip(entryFixed)
	var ok1, ok2 bool
	e.offered, ok1 = d.uvarint()
	e.seen, ok2 = d.uvarint()
	ok := ok1 && ok2
	if flags&entryRetired != 0 {
		ok = d.instant(&e.retired) && ok
	}
	if flags&entryAuthenticated != 0 {
		ok = d.instant(&e.authenticated) && ok
	}
	for ok && len(d.b) > 0 {
		ok = d.step(&e)
	}
	if !ok {
		return fmt.Errorf("%w: ticket is cut short", sessionstore.ErrCorrupt)
	}
	if st.tickets == nil {
		st.tickets = make([]entry, 0, 2)
	}
	st.tickets = append(st.tickets, e)
	return nil
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
	s.level = d.text[:size]
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
