package safegob

import (
	"errors"
	"fmt"
)

// maxDepth is how deep values are nested at most.
const maxDepth = 1000

// check returns an error unless the first value in data is as long as its counts
// claim, and not nested too deep. It follows the format as encoding/gob documents
// and decodes it.
func check(data []byte) (err error) {
	defer func() {
		if r := recover(); r != nil {
			wrong, ok := r.(malformed)
			if !ok {
				panic(r)
			}
			err = fmt.Errorf("gob: %w", wrong.error)
		}
	}()
	w := &walker{stream: data, types: bootstrap()}
	w.top(w.typeID(false), 0)
	return nil
}

// malformed is what ends a walk.
type malformed struct{ error }

func fail(why string) { panic(malformed{errors.New(why)}) }

// A walker goes through the stream, message by message. Where an interface's type is
// defined, a message ends in the middle of a value.
type walker struct {
	stream  []byte // behind the message
	message []byte
	types   map[int64]kind
}

// A kind is how a type is written.
type kind struct {
	form   form
	key    int64   // of a map
	elem   int64   // of a map, slice or array
	fields []int64 // of a struct
}

type form int

const (
	number  form = iota + 1
	pair         // of numbers: complex
	text         // and what encodes itself
	dynamic      // an interface
	list
	dict
	record
)

// The ids of the types that are known from the start, as far as they are needed.
const (
	boolID, intID, uintID, floatID, bytesID, stringID, complexID, interfaceID int64 = 1, 2, 3, 4, 5, 6, 7, 8

	wireID, arrayID, commonID, sliceID, structID, fieldID, fieldsID, mapID int64 = 16, 17, 18, 19, 20, 21, 22, 23

	firstUserID = 64
)

// bootstrap returns the types that are known from the start. Those from wireID on
// describe types.
func bootstrap() map[int64]kind {
	return map[int64]kind{
		boolID: {form: number}, intID: {form: number}, uintID: {form: number}, floatID: {form: number},
		bytesID: {form: text}, stringID: {form: text}, complexID: {form: pair}, interfaceID: {form: dynamic},
		wireID:   {form: record, fields: []int64{arrayID, sliceID, structID, mapID, extID, extID, extID}},
		arrayID:  {form: record, fields: []int64{commonID, intID, intID}},
		commonID: {form: record, fields: []int64{stringID, intID}},
		sliceID:  {form: record, fields: []int64{commonID, intID}},
		structID: {form: record, fields: []int64{commonID, fieldsID}},
		fieldID:  {form: record, fields: []int64{stringID, intID}},
		fieldsID: {form: list, elem: fieldID},
		mapID:    {form: record, fields: []int64{commonID, intID, intID}},
		extID:    {form: record, fields: []int64{commonID}},
	}
}

// extID stands for the description of a type that encodes itself; it has no id of
// its own in a stream.
const extID int64 = -1

// A tree is a value, as far as descriptions of types need it.
type tree struct {
	number int64
	items  []tree
	fields map[int]tree
}

// typeID reads the id of the type of a value, after the types that are defined
// before it.
func (w *walker) typeID(within bool) int64 {
	for {
		if len(w.message) == 0 {
			w.next()
		}
		id := w.int()
		if id >= 0 {
			return id
		}
		w.define(-id)
		if len(w.message) > 0 {
			if !within {
				fail("there is something behind the definition of a type")
			}
			w.uint() // the length of what follows
		}
	}
}

// next begins with the next message.
func (w *walker) next() {
	w.message, w.stream = w.stream, nil
	n := w.uint()
	if n > uint64(len(w.message)) {
		fail("a message is cut off")
	}
	w.message, w.stream = w.message[:n], w.message[n:]
}

// define reads the definition of a type.
func (w *walker) define(id int64) {
	if _, ok := w.types[id]; ok || id < firstUserID {
		fail("a type is defined twice")
	}
	description := w.value(wireID, 0)
	k := kind{form: text}
	for field, t := range description.fields {
		switch field {
		case 0, 1:
			k = kind{form: list, elem: t.fields[1].number}
		case 2:
			k = kind{form: record}
			for _, f := range t.fields[1].items {
				k.fields = append(k.fields, f.fields[1].number)
			}
		case 3:
			k = kind{form: dict, key: t.fields[1].number, elem: t.fields[2].number}
		}
	}
	w.types[id] = k
}

// top reads the value of a message or interface: before one that is no struct
// stands a zero.
func (w *walker) top(id int64, depth int) {
	if w.types[id].form != record && w.uint() != 0 {
		fail("a value does not begin with zero")
	}
	w.value(id, depth)
}

func (w *walker) value(id int64, depth int) tree {
	if depth++; depth > maxDepth {
		fail("values are nested too deep")
	}
	k := w.types[id]
	switch k.form {
	case number:
		return tree{number: w.int()}
	case pair:
		w.uint()
		w.uint()
	case text:
		w.skip(w.uint())
	case dynamic:
		w.dynamic(depth)
	case list:
		return tree{items: w.list(k, depth)}
	case dict:
		for range w.count(2) {
			w.value(k.key, depth)
			w.value(k.elem, depth)
		}
	case record:
		return tree{fields: w.record(k, depth)}
	default:
		fail("a type is not defined")
	}
	return tree{}
}

func (w *walker) dynamic(depth int) {
	name := w.uint()
	if name == 0 {
		return // nil
	}
	w.skip(name)
	id := w.typeID(true)
	w.uint() // the length of what follows
	w.top(id, depth)
}

func (w *walker) list(k kind, depth int) []tree {
	var items []tree
	for range w.count(1) {
		items = append(items, w.value(k.elem, depth))
	}
	return items
}

// record reads a struct: pairs of a step to the next field, and that field.
func (w *walker) record(k kind, depth int) map[int]tree {
	fields := map[int]tree{}
	for field := -1; ; {
		step := w.uint()
		if step == 0 {
			return fields
		}
		if step > uint64(len(k.fields)-1-field) {
			fail("a struct has a field too many")
		}
		field += int(step) //nolint:gosec // it is at most the length
		fields[field] = w.value(k.fields[field], depth)
	}
}

// count reads how many items follow, of which each has a least size.
func (w *walker) count(size int) uint64 {
	n := w.uint()
	if n > uint64((len(w.message)+len(w.stream))/size) { //nolint:gosec // it is positive
		fail("a count is larger than what follows")
	}
	return n
}

func (w *walker) skip(n uint64) {
	if n > uint64(len(w.message)) {
		fail("a value is cut off")
	}
	w.message = w.message[n:]
}

func (w *walker) int() int64 {
	u := w.uint()
	if u&1 != 0 {
		return ^int64(u >> 1)
	}
	return int64(u >> 1)
}

// uint reads a number: itself if it is small, or else its negated length and its
// bytes.
func (w *walker) uint() uint64 {
	if len(w.message) == 0 {
		fail("a number is cut off")
	}
	first := w.message[0]
	w.message = w.message[1:]
	if first <= 0x7f {
		return uint64(first)
	}
	size := -int(int8(first)) //nolint:gosec // it is meant to be negative
	if size > 8 || size > len(w.message) {
		fail("a number is cut off")
	}
	var n uint64
	for _, b := range w.message[:size] {
		n = n<<8 | uint64(b)
	}
	w.message = w.message[size:]
	return n
}
