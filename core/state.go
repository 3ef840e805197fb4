package session

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"
)

// state is what a session consists of: what is encoded into Record.Data, and
// the subject, which stands beside it in the record.
type state struct {
	handle        [handleLen]byte
	created       time.Time
	authenticated time.Time     // zero: never
	seed          [seedLen]byte // what Session.Secret derives from; zero: none
	subject       string
	kept          bool    // store it though it holds nothing; not encoded
	ended         bool    // a tombstone: the session goes on under another id
	values        []value // by name
	unknown       []byte  // fields that a newer version of this package wrote
}

// A value is one encoded value of a session. Its data is never changed.
type value struct {
	name string
	data []byte
}

const (
	handleLen = 12
	seedLen   = 32
)

func newState(now time.Time) state {
	st := state{created: now}
	var random [handleLen + seedLen]byte
	_, _ = rand.Read(random[:])
	copy(st.handle[:], random[:])
	copy(st.seed[:], random[handleLen:])
	return st
}

func (st *state) handleText() string { return base64.RawURLEncoding.EncodeToString(st.handle[:]) }

func (st *state) empty() bool { return len(st.values) == 0 && st.subject == "" && !st.kept }

func (st *state) find(name string) (int, bool) {
	return slices.BinarySearchFunc(st.values, name, func(v value, name string) int { return strings.Compare(v.name, name) })
}

func (st *state) get(name string) ([]byte, bool) {
	i, ok := st.find(name)
	if !ok {
		return nil, false
	}
	return st.values[i].data, true
}

func (st *state) set(name string, data []byte) {
	i, ok := st.find(name)
	if ok {
		st.values[i].data = data
		return
	}
	st.values = slices.Insert(st.values, i, value{name, data})
}

func (st *state) remove(name string) {
	if i, ok := st.find(name); ok {
		st.values = slices.Delete(st.values, i, i+1)
	}
}

// clone returns a state whose list of values is its own.
func (st *state) clone() state {
	c := *st
	c.values = slices.Clone(st.values)
	return c
}

// The encoding: a version, then fields of tag, length and content, lengths as
// uvarints. Fields with tags that are not known are kept as they are, so that
// during a rolling deployment an old process does not drop what a new one wrote.
const (
	stateVersion = 1

	tagCreated       = 1  // nanoseconds since 1970, 8 bytes
	tagHandle        = 2  // handleLen bytes
	tagAuthenticated = 3  // nanoseconds since 1970, 8 bytes
	tagEnded         = 4  // empty
	tagSeed          = 5  // seedLen bytes
	tagValue         = 16 // a name behind its length, and data
)

func (st *state) encode() []byte {
	size := 96 + len(st.unknown)
	for _, v := range st.values {
		size += len(v.name) + len(v.data) + 3*binary.MaxVarintLen32
	}
	b := append(make([]byte, 0, size), stateVersion)
	b = appendTime(b, tagCreated, st.created)
	b = append(b, tagHandle, handleLen)
	b = append(b, st.handle[:]...)
	if !st.authenticated.IsZero() {
		b = appendTime(b, tagAuthenticated, st.authenticated)
	}
	if st.seed != [seedLen]byte{} {
		b = append(b, tagSeed, seedLen)
		b = append(b, st.seed[:]...)
	}
	if st.ended {
		b = append(b, tagEnded, 0)
	}
	for _, v := range st.values {
		var prefix [binary.MaxVarintLen64]byte
		n := binary.PutUvarint(prefix[:], uint64(len(v.name)))
		b = append(b, tagValue)
		b = binary.AppendUvarint(b, uint64(n+len(v.name)+len(v.data))) //nolint:gosec // lengths are not negative
		b = append(b, prefix[:n]...)
		b = append(b, v.name...)
		b = append(b, v.data...)
	}
	return append(b, st.unknown...)
}

func appendTime(b []byte, tag byte, t time.Time) []byte {
	return binary.BigEndian.AppendUint64(append(b, tag, 8), uint64(t.UnixNano()))
}

// decodeState decodes a record's data, of which the state keeps parts. An error
// wraps ErrCorrupt.
func decodeState(r Record) (state, error) {
	st := state{subject: r.Subject}
	if len(r.Data) == 0 || r.Data[0] != stateVersion {
		return st, fmt.Errorf("%w: unknown version of the session's encoding", ErrCorrupt)
	}
	d := decoder{b: r.Data[1:], text: string(r.Data[1:])}
	for len(d.b) > 0 {
		if err := d.field(&st); err != nil {
			return st, err
		}
	}
	if st.created.IsZero() {
		return st, fmt.Errorf("%w: no time of creation", ErrCorrupt)
	}
	return st, nil
}

// A decoder holds the rest of the input twice: text gives all names with one
// allocation.
type decoder struct {
	b    []byte
	text string
}

func (d *decoder) field(st *state) error {
	start := *d
	tag, ok := d.uvarint()
	if !ok {
		return fmt.Errorf("%w: cut in a field's tag", ErrCorrupt)
	}
	size, ok := d.uvarint()
	if !ok || size > uint64(len(d.b)) {
		return fmt.Errorf("%w: field %d is cut short", ErrCorrupt, tag)
	}
	content := decoder{d.b[:size:size], d.text[:size]}
	d.skip(int(size)) //nolint:gosec // not above len(d.b)
	switch tag {
	case tagCreated:
		return content.time(&st.created)
	case tagAuthenticated:
		return content.time(&st.authenticated)
	case tagHandle:
		if size != handleLen {
			return fmt.Errorf("%w: handle of %d bytes", ErrCorrupt, size)
		}
		st.handle = [handleLen]byte(content.b)
	case tagSeed:
		if size != seedLen {
			return fmt.Errorf("%w: seed of %d bytes", ErrCorrupt, size)
		}
		st.seed = [seedLen]byte(content.b)
	case tagEnded:
		st.ended = true
	case tagValue:
		return content.value(st)
	default:
		st.unknown = append(st.unknown, start.b[:len(start.b)-len(d.b)]...)
	}
	return nil
}

func (d *decoder) skip(n int) { d.b, d.text = d.b[n:], d.text[n:] }

func (d *decoder) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(d.b)
	if n <= 0 {
		return 0, false
	}
	d.skip(n)
	return v, true
}

func (d *decoder) time(t *time.Time) error {
	if len(d.b) != 8 {
		return fmt.Errorf("%w: time of %d bytes", ErrCorrupt, len(d.b))
	}
	*t = time.Unix(0, int64(binary.BigEndian.Uint64(d.b))).UTC() //nolint:gosec // the inverse of appendTime
	return nil
}

func (d *decoder) value(st *state) error {
	size, ok := d.uvarint()
	if !ok || size > uint64(len(d.b)) {
		return fmt.Errorf("%w: value's name is cut short", ErrCorrupt)
	}
	v := value{d.text[:size], d.b[size:len(d.b):len(d.b)]}
	if n := len(st.values); n > 0 && st.values[n-1].name >= v.name {
		return fmt.Errorf("%w: values out of order", ErrCorrupt)
	}
	if st.values == nil {
		st.values = make([]value, 0, 8)
	}
	st.values = append(st.values, v)
	return nil
}
