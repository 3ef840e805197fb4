package session

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The encoding of a state: a version, then fields of tag, length and content,
// lengths as uvarints. Fields with tags that are not known are kept as they are,
// so that during a rolling deployment an old process does not drop what a new one
// wrote. A time is nanoseconds since 1970 in 8 bytes.
const (
	stateVersion = 1

	tagID       = 1  // publicIDLen bytes
	tagTicket   = 2  // an entry, see state_entry.go
	tagCount    = 3  // uvarint
	tagEnded    = 4  // empty, or a byte if nothing is to bring the session back
	tagAged     = 5  // time
	tagUntaken  = 6  // uvarint
	tagPlace    = 7  // time
	tagWrites   = 8  // 8 bytes each
	tagAuthHash = 9  // bytes
	tagBinding  = 10 // bytes
	tagFlash    = 11 // a category behind its length, and a message
	tagValue    = 12 // a name behind its length, and data
	tagSubject  = 13 // text; where there is no record to carry it
	tagLease    = 14 // a name behind its length, its holder (8 bytes), from and until (8 bytes each)
	tagActor    = 15 // text behind its length, and a record's id (32 bytes)
	tagReplaces = 16 // a record's id, as text
	tagOrigins  = 17 // ids of records, as text, one behind the other
	tagLetIn    = 18 // empty
)

func (st *state) encode() []byte { return st.append(nil) }

// append appends the state to b, of which it makes a copy that most states fit in.
func (st *state) append(b []byte) []byte {
	size := len(b) + 64 + len(st.unknown) + len(st.tickets)*entrySize + maxWrites*8
	for _, v := range st.values {
		size += len(v.name) + len(v.data) + 3*binary.MaxVarintLen32
	}
	b = append(append(make([]byte, 0, size), b...), stateVersion)
	b = appendField(b, tagID, st.id[:])
	for i := range st.tickets {
		b = st.tickets[i].append(b)
	}
	b = appendNumber(b, tagCount, st.count)
	switch {
	case st.out:
		b = append(b, tagEnded, 1, 1)
	case st.ended:
		b = append(b, tagEnded, 0)
	}
	b = appendTime(b, tagAged, st.aged)
	b = appendNumber(b, tagUntaken, st.untaken)
	b = appendTime(b, tagPlace, st.place)
	b = st.appendWrites(b)
	b = appendField(b, tagAuthHash, st.authHash)
	b = appendField(b, tagBinding, st.binding)
	if st.actor != "" {
		b = appendPair(b, tagActor, st.actor, st.home[:])
	}
	if st.replaces != "" {
		b = appendField(b, tagReplaces, []byte(st.replaces))
	}
	b = appendField(b, tagOrigins, []byte(st.origins))
	if st.letIn {
		b = append(b, tagLetIn, 0)
	}
	for _, l := range st.leases {
		content := binary.BigEndian.AppendUint64(nil, l.holder)
		b = appendPair(b, tagLease, l.name, appendInstant(appendInstant(content, l.from), l.until))
	}
	for _, f := range st.flashes {
		b = appendPair(b, tagFlash, f.Category, f.Message)
	}
	for _, v := range st.values {
		b = appendPair(b, tagValue, v.name, v.data)
	}
	return append(b, st.unknown...)
}

const _ = uint8(127 - 8*maxWrites) // appendWrites has one byte for the length, as a uvarint

func (st *state) appendWrites(b []byte) []byte {
	n := 0
	for n < maxWrites && st.writes[n] != 0 {
		n++
	}
	if n == 0 {
		return b
	}
	b = append(b, tagWrites, byte(8*n))
	for _, v := range st.writes[:n] {
		b = binary.BigEndian.AppendUint64(b, uint64(v))
	}
	return b
}

// appendField appends a field unless it is empty.
func appendField(b []byte, tag byte, content []byte) []byte {
	if len(content) == 0 {
		return b
	}
	return append(binary.AppendUvarint(append(b, tag), uint64(len(content))), content...)
}

// appendPair appends a field of two parts, the first behind its length.
func appendPair[T, U string | []byte](b []byte, tag byte, first T, second U) []byte {
	var prefix [binary.MaxVarintLen64]byte
	n := binary.PutUvarint(prefix[:], uint64(len(first)))
	b = append(b, tag)
	b = binary.AppendUvarint(b, uint64(n+len(first)+len(second))) //nolint:gosec // lengths are not negative
	b = append(b, prefix[:n]...)
	b = append(b, first...)
	return append(b, second...)
}

// appendNumber appends a number unless it is zero.
func appendNumber(b []byte, tag byte, n uint64) []byte {
	if n == 0 {
		return b
	}
	var number [binary.MaxVarintLen64]byte
	return appendField(b, tag, binary.AppendUvarint(number[:0], n))
}

// appendTime appends a time unless it is zero.
func appendTime(b []byte, tag byte, t time.Time) []byte {
	if t.IsZero() {
		return b
	}
	return binary.BigEndian.AppendUint64(append(b, tag, 8), uint64(t.UnixNano()))
}

// decode decodes a record's data, of which the state keeps parts, into an empty state. An
// error wraps ErrCorrupt.
func (st *state) decode(r sessionstore.Record) error {
	st.subject = r.Subject
	if len(r.Data) == 0 || r.Data[0] != stateVersion {
		return fmt.Errorf("%w: unknown version of the session's encoding", sessionstore.ErrCorrupt)
	}
	room := new(struct { // in one piece of memory, for what most sessions have
		tickets [1]entry
		values  [6]value
	})
	st.tickets, st.values = room.tickets[:0], room.values[:0]
	d := decoder{r.Data[1:]}
	for len(d.b) > 0 {
		if err := d.field(st); err != nil {
			return err
		}
	}
	if len(st.values) == 0 {
		st.values = nil
	}
	if err := st.check(); err != nil {
		return fmt.Errorf("%w: %w", sessionstore.ErrCorrupt, err)
	}
	return nil
}

// A decoder holds the rest of the input.
type decoder struct{ b []byte }

func (d *decoder) field(st *state) error {
	start := *d
	tag, ok := d.uvarint()
	if !ok {
		return fmt.Errorf("%w: cut in a field's tag", sessionstore.ErrCorrupt)
	}
	size, ok := d.uvarint()
	if !ok || size > uint64(len(d.b)) {
		return fmt.Errorf("%w: field %d is cut short", sessionstore.ErrCorrupt, tag)
	}
	content := decoder{d.b[:size:size]}
	d.skip(int(size)) //nolint:gosec // not above len(d.b)
	if t := st.timeField(tag); t != nil {
		return content.time(t)
	}
	switch tag {
	case tagID:
		return content.array(st.id[:])
	case tagTicket:
		return content.entry(st)
	case tagCount:
		return content.number(&st.count)
	case tagEnded:
		st.ended, st.out = true, len(content.b) > 0
	case tagUntaken:
		return content.number(&st.untaken)
	case tagWrites:
		return content.writes(st)
	case tagAuthHash:
		st.authHash = content.b
	case tagBinding:
		st.binding = content.b
	case tagFlash:
		category, message, err := content.pair()
		st.flashes = append(st.flashes, Flash{string(category), string(message.b)})
		return err
	case tagActor:
		return content.actor(st)
	case tagReplaces:
		return content.record(&st.replaces)
	case tagOrigins:
		st.origins = origins(content.b)
		return st.origins.check()
	case tagLetIn:
		st.letIn = true
	case tagLease:
		return content.lease(st)
	case tagValue:
		return content.value(st)
	case tagSubject:
		st.subject = string(content.b)
	default:
		st.unknown = append(st.unknown, start.b[:len(start.b)-len(d.b)]...)
	}
	return nil
}

// timeField returns the field with a tag if it is a time.
func (st *state) timeField(tag uint64) *time.Time {
	switch tag {
	case tagAged:
		return &st.aged
	case tagPlace:
		return &st.place
	default:
		return nil
	}
}

func (d *decoder) skip(n int) { d.b = d.b[n:] }

func (d *decoder) uvarint() (uint64, bool) {
	if len(d.b) > 0 && d.b[0] < 0x80 { // as nearly all are
		v := uint64(d.b[0])
		d.skip(1)
		return v, true
	}
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, false
	}
	d.skip(n)
	return v, true
}

func (d *decoder) number(to *uint64) error {
	n, ok := d.uvarint()
	if !ok || len(d.b) > 0 {
		return fmt.Errorf("%w: no number", sessionstore.ErrCorrupt)
	}
	*to = n
	return nil
}

func (d *decoder) array(to []byte) error {
	if len(d.b) != len(to) {
		return fmt.Errorf("%w: %d bytes in the place of %d", sessionstore.ErrCorrupt, len(d.b), len(to))
	}
	copy(to, d.b)
	return nil
}

func (d *decoder) time(t *time.Time) error {
	var b [8]byte
	err := d.array(b[:])
	*t = time.Unix(0, int64(binary.BigEndian.Uint64(b[:]))).UTC() //nolint:gosec // the inverse of appendTime
	return err
}

func (d *decoder) writes(st *state) error {
	if len(d.b)%8 != 0 || len(d.b) > 8*maxWrites {
		return fmt.Errorf("%w: %d bytes of writes", sessionstore.ErrCorrupt, len(d.b))
	}
	for i := 0; len(d.b) > 0; i++ {
		st.writes[i] = sessionstore.Version(binary.BigEndian.Uint64(d.b))
		if st.writes[i] == 0 {
			return fmt.Errorf("%w: a write without a version", sessionstore.ErrCorrupt)
		}
		d.skip(8)
	}
	return nil
}

// pair splits what appendPair made.
func (d *decoder) pair() (first []byte, second decoder, err error) {
	size, ok := d.uvarint()
	if !ok || size > uint64(len(d.b)) {
		return nil, decoder{}, fmt.Errorf("%w: the first of two parts is cut short", sessionstore.ErrCorrupt)
	}
	return d.b[:size:size], decoder{d.b[size:len(d.b):len(d.b)]}, nil
}

func (d *decoder) record(id *string) error {
	*id = string(d.b)
	if sessionstore.CheckID(*id) != nil {
		return fmt.Errorf("%w: no id of a record", sessionstore.ErrCorrupt)
	}
	return nil
}

func (d *decoder) actor(st *state) error {
	subject, rest, err := d.pair()
	if err != nil {
		return err
	}
	st.actor = string(subject)
	return rest.array(st.home[:])
}

func (d *decoder) lease(st *state) error {
	name, rest, err := d.pair()
	if err != nil {
		return err
	}
	if len(rest.b) != 24 {
		return fmt.Errorf("%w: %d bytes of a lease", sessionstore.ErrCorrupt, len(rest.b))
	}
	holder := binary.BigEndian.Uint64(rest.b)
	st.leases = append(st.leases, lease{string(name), holder, instant(rest.b[8:]), instant(rest.b[16:])})
	return nil
}

func (d *decoder) value(st *state) error {
	name, data, err := d.pair()
	if err != nil {
		return err
	}
	if n := len(st.values); n > 0 && bytes.Compare(st.values[n-1].name, name) >= 0 {
		return fmt.Errorf("%w: values out of order", sessionstore.ErrCorrupt)
	}
	st.values = append(st.values, value{name, data.b})
	return nil
}
