// Package msgpack decodes MessagePack into values of no type in particular. What it
// decodes comes from a server that others write to as well: nothing is allocated
// for what a length only claims, and depth is bounded, where libraries recurse as
// deep as the data says.
package msgpack

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"math/big"
	"time"
	"unicode/utf8"
)

// maxDepth is how deep lists and maps are nested at most; Python's limit is about
// the same.
const maxDepth = 1000

var errShort = errors.New("MessagePack is cut off")

// Decode decodes one value: nil, bool, int64, *big.Int if that is too small,
// float64, string, []byte, time.Time, []any or map[string]any. Keys of maps that
// are no text are written as text.
func Decode(data []byte) (any, error) {
	d := decoder{rest: data}
	v, err := d.value(0)
	if err == nil && len(d.rest) > 0 {
		return nil, errors.New("MessagePack is followed by something else")
	}
	return v, err
}

type decoder struct{ rest []byte }

func (d *decoder) value(depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("MessagePack is nested deeper than %d", maxDepth)
	}
	b, err := d.take(1)
	if err != nil {
		return nil, err
	}
	switch c := b[0]; {
	case c <= 0x7f: // a small number
		return int64(c), nil
	case c <= 0x8f:
		return d.object(uint64(c&0x0f), depth)
	case c <= 0x9f:
		return d.list(uint64(c&0x0f), depth)
	case c <= 0xbf:
		return d.text(uint64(c & 0x1f))
	case c >= 0xe0:
		return int64(int8(c)), nil //nolint:gosec // a negative number
	default:
		return d.format(c, depth)
	}
}

// format decodes what the first byte only announces.
func (d *decoder) format(c byte, depth int) (any, error) {
	switch c {
	case 0xc0:
		return nil, nil //nolint:nilnil // it is the value
	case 0xc2, 0xc3:
		return c == 0xc3, nil
	case 0xca, 0xcb:
		return d.float(c == 0xcb)
	case 0xcc, 0xcd, 0xce, 0xcf:
		return d.unsigned(1 << (c - 0xcc))
	case 0xd0, 0xd1, 0xd2, 0xd3:
		return d.signed(1 << (c - 0xd0))
	case 0xd4, 0xd5, 0xd6, 0xd7, 0xd8:
		return d.extension(1 << (c - 0xd4))
	}
	n, err := d.length(c)
	if err != nil {
		return nil, err
	}
	switch c {
	case 0xc4, 0xc5, 0xc6:
		return d.bytes(n)
	case 0xc7, 0xc8, 0xc9:
		return d.extension(n)
	case 0xd9, 0xda, 0xdb:
		return d.text(n)
	case 0xdc, 0xdd:
		return d.list(n, depth)
	default: // 0xde, 0xdf
		return d.object(n, depth)
	}
}

// lengths says how many bytes the length has that follows a format's first byte.
var lengths = map[byte]int{
	0xc4: 1, 0xc5: 2, 0xc6: 4,
	0xc7: 1, 0xc8: 2, 0xc9: 4,
	0xd9: 1, 0xda: 2, 0xdb: 4,
	0xdc: 2, 0xdd: 4,
	0xde: 2, 0xdf: 4,
}

func (d *decoder) length(c byte) (uint64, error) {
	size, ok := lengths[c]
	if !ok {
		return 0, fmt.Errorf("MessagePack has no format %#x", c)
	}
	return d.uint(size)
}

func (d *decoder) list(n uint64, depth int) (any, error) {
	list := []any{}
	for range n {
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		list = append(list, v)
	}
	return list, nil
}

func (d *decoder) object(n uint64, depth int) (any, error) {
	object := map[string]any{}
	for range n {
		key, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		if !hashable(key) {
			return nil, errors.New("MessagePack has a map for a key")
		}
		v, err := d.value(depth + 1)
		if err != nil {
			return nil, err
		}
		object[keyText(key)] = v
	}
	return object, nil
}

// hashable reports whether Python could have a key like that. It also keeps the work in
// proportion: maps in keys of maps in keys would be written as text at each depth.
func hashable(key any) bool {
	switch key := key.(type) {
	case map[string]any:
		return false
	case []any:
		for _, v := range key {
			if !hashable(v) {
				return false
			}
		}
	}
	return true
}

func keyText(key any) string {
	switch key := key.(type) {
	case string:
		return key
	case []byte:
		return string(key)
	case time.Time:
		return key.Format(time.RFC3339Nano)
	}
	return fmt.Sprint(key)
}

func (d *decoder) text(n uint64) (any, error) {
	b, err := d.take(n)
	if err != nil {
		return nil, err
	}
	if !utf8.Valid(b) {
		return nil, errors.New("MessagePack has text that is not UTF-8")
	}
	return string(b), nil
}

func (d *decoder) bytes(n uint64) (any, error) {
	b, err := d.take(n)
	return append([]byte{}, b...), err
}

func (d *decoder) unsigned(size int) (any, error) {
	n, err := d.uint(size)
	if n > math.MaxInt64 {
		return new(big.Int).SetUint64(n), err
	}
	return int64(n), err
}

func (d *decoder) signed(size int) (any, error) {
	n, err := d.uint(size)
	shift := 64 - 8*size
	return int64(n<<shift) >> shift, err //nolint:gosec // the sign is the highest bit
}

func (d *decoder) float(double bool) (any, error) {
	if !double {
		n, err := d.uint(4)
		return float64(math.Float32frombits(uint32(n))), err //nolint:gosec // it has four bytes
	}
	n, err := d.uint(8)
	return math.Float64frombits(n), err
}

// timestamp is the type of the only extension that is known.
const timestamp = 0xff

func (d *decoder) extension(n uint64) (any, error) {
	kind, err := d.take(1)
	if err != nil {
		return nil, err
	}
	b, err := d.take(n)
	if err != nil {
		return nil, err
	}
	if kind[0] != timestamp {
		return nil, fmt.Errorf("MessagePack has an extension of type %d", int8(kind[0])) //nolint:gosec // types are signed
	}
	var seconds, nanos uint64
	switch n {
	case 4:
		seconds = uint64(binary.BigEndian.Uint32(b))
	case 8:
		both := binary.BigEndian.Uint64(b)
		seconds, nanos = both&(1<<34-1), both>>34
	case 12:
		nanos, seconds = uint64(binary.BigEndian.Uint32(b)), binary.BigEndian.Uint64(b[4:])
	default:
		return nil, fmt.Errorf("MessagePack has a time of %d bytes", n)
	}
	t := time.Unix(int64(seconds), int64(nanos)).UTC()
	if nanos >= uint64(time.Second) || t.Year() < 1 || t.Year() > 9999 {
		return nil, errors.New("MessagePack has a time that is none")
	}
	return t, nil
}

// uint reads a big-endian number.
func (d *decoder) uint(size int) (uint64, error) {
	b, err := d.take(uint64(size)) //nolint:gosec // it is positive
	var n uint64
	for _, c := range b {
		n = n<<8 | uint64(c)
	}
	return n, err
}

// take returns the next n bytes. They are the caller's data.
func (d *decoder) take(n uint64) ([]byte, error) {
	if n > uint64(len(d.rest)) {
		return nil, errShort
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b, nil
}
