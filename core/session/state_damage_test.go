package session

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func TestDamagedDataIsAnErrorOrAState(t *testing.T) {
	t.Parallel()
	for _, ended := range []bool{true, false} {
		whole := fullState()
		whole.ended = ended
		data := whole.encode()
		for n := range data {
			checkDecode(t, data[:n])
		}
		for i := range data {
			for bit := range 8 {
				b := bytes.Clone(data)
				b[i] ^= 1 << bit
				checkDecode(t, b)
			}
		}
	}
}

// checkDecode checks that data is refused with ErrCorrupt, or is a state that
// stays the same from then on, and whose list of tickets can be trusted.
func checkDecode(t *testing.T, data []byte) {
	t.Helper()
	st, err := decodeState(sessionstore.Record{Data: data})
	if err != nil {
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%x: %v, want ErrCorrupt", data, err)
		}
		return
	}
	if !slices.IsSortedFunc(st.values, func(a, b value) int { return bytes.Compare(a.name, b.name) }) {
		t.Errorf("%x: values are not sorted", data)
	}
	if err := st.check(); err != nil {
		t.Errorf("%x: %v", data, err)
	}
	again, err := decodeState(sessionstore.Record{Data: st.encode()})
	if err != nil || !bytes.Equal(again.encode(), st.encode()) {
		t.Errorf("%x: does not survive a round trip: %v", data, err)
	}
}

func TestStatesOfAnotherVersionAreRefused(t *testing.T) {
	t.Parallel()
	st := fullState()
	data := st.encode()
	bare := bareState()
	head := slices.Clip(bare.encode())
	ticket := bareEntry(2)
	cut := ticket.append(nil)
	for name, b := range map[string][]byte{
		"nothing":                  {},
		"only a version":           {stateVersion},
		"another version":          append([]byte{stateVersion + 1}, data[1:]...),
		"JSON":                     []byte(`{"counter":1}`),
		"values out of order":      append(head, tagValue, 2, 1, 'b', tagValue, 2, 1, 'a'),
		"the same value twice":     append(head, tagValue, 2, 1, 'a', tagValue, 2, 1, 'a'),
		"short id":                 append(head, tagID, 1, 'h'),
		"no id of a record":        append(head, tagReplaces, 2, 'i', 'd'),
		"no id of an old session":  append(head, tagOrigins, 2, 'i', 'd'),
		"cut in the second one's":  append(append(head, tagOrigins, 44), bytes.Repeat([]byte("o"), 44)...),
		"long id":                  append(append(head, tagID, publicIDLen+1), make([]byte, publicIDLen+1)...),
		"flash cut short":          append(head, tagFlash, 2, 9, 'a'),
		"flash without a part":     append(head, tagFlash, 0),
		"value without a name":     append(head, tagValue, 0),
		"endless length":           append(head, tagValue, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
		"count that is no number":  append(head, tagCount, 2, 1, 1),
		"count without a number":   append(head, tagCount, 0),
		"part of a write":          append(head, tagWrites, 7, 0, 0, 0, 0, 0, 0, 1),
		"a write without version":  append(append(head, tagWrites, 8), make([]byte, 8)...),
		"too many writes":          append(append(head, tagWrites, 8*(maxWrites+1)), bytes.Repeat([]byte{1}, 8*(maxWrites+1))...),
		"empty ticket":             append(head, tagTicket, 0),
		"ticket cut short":         append(append(head, tagTicket, entryFixed-1), cut[2:2+entryFixed-1]...),
		"short time":               append(head, tagAged, 7, 0, 0, 0, 0, 0, 0, 0),
		"negative idle":            spoilt(func(e *entry) { e.idle = -1 }),
		"negative absolute":        spoilt(func(e *entry) { e.absolute = -1 }),
		"without its persistence":  cutTicket(func(e *entry) { e.persistence = persistYes }, 1),
		"without its deadline":     cutTicket(func(e *entry) { e.deadline = start }, 1),
		"without its idle timeout": cutTicket(func(e *entry) { e.idle = 1 }, 8),
		"step cut short":           cutTicket(func(e *entry) { e.steps = []step{{"mfa", start}} }, 1),
		"step without a level":     cutTicket(func(e *entry) { e.steps = []step{{"", start}} }, 1),
		"ticket without its sight": append(append(head, tagTicket, entryFixed+1), cut[2:2+entryFixed+1]...),
	} {
		if _, err := decodeState(sessionstore.Record{Data: b}); !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

// spoilt returns a state with a ticket that this package does not write.
func spoilt(spoil func(*entry)) []byte {
	st := bareState()
	spoil(&st.tickets[0])
	return st.encode()
}

// cutTicket returns a state whose ticket has lost its last bytes.
func cutTicket(set func(*entry), n int) []byte {
	e := bareEntry(1)
	set(&e)
	field := e.append(nil)
	return appendField([]byte{stateVersion}, tagTicket, field[2:len(field)-n])
}

// Who writes to the store could make a ticket good that is not. What this package
// can't have written it does not believe.
func TestAListOfTicketsThatCanNotBeIsRefused(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		ended bool
		count uint64
		spoil func(list []entry) []entry
		good  bool
	}{
		{"as it was", false, 20, func(l []entry) []entry { return l }, true},
		{"full", false, 20, func(l []entry) []entry { return fill(l, maxEntries) }, true},
		{"more than full", false, 20, func(l []entry) []entry { return fill(l, maxEntries+1) }, false},
		{"empty", false, 20, func([]entry) []entry { return nil }, false},
		{"an entry twice", false, 20, func(l []entry) []entry { return append(l, l[0]) }, false},
		{"a hash twice", false, 20, func(l []entry) []entry { l[1].hash = l[0].hash; return l }, false},
		{"a number twice", false, 20, func(l []entry) []entry { l[1].offered = l[0].offered; return l }, false},
		{"out of order", false, 20, func(l []entry) []entry { slices.Reverse(l); return l }, false},
		{"without a number", false, 20, func(l []entry) []entry { l[0].offered = 0; return l }, false},
		{"offered later than all", false, 1, func(l []entry) []entry { return l }, false},
		{"seen later than all", false, 5, func(l []entry) []entry { l[1].seen = 6; return l }, false},
		{"seen", false, 6, func(l []entry) []entry { l[1].seen = 6; return l }, true},
		{"seen when it was offered", false, 20, func(l []entry) []entry { l[1].seen = l[1].offered; return l }, false},
		{"seen before it was offered", false, 20, func(l []entry) []entry { l[1].seen = 1; return l }, false},
		{"retired unseen", false, 20, func(l []entry) []entry { l[0].retired = start; return l }, false},
		{"retired", false, 20, func(l []entry) []entry { l[0].seen, l[0].retired = 3, start; return l }, true},
		{"a tombstone needs no numbers", true, 0, func(l []entry) []entry { l[0].offered, l[1].offered = 0, 0; return l }, true},
		{"a tombstone with an entry twice", true, 0, func(l []entry) []entry { return append(l, l[0]) }, false},
		{"an empty tombstone", true, 0, func([]entry) []entry { return nil }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			st := bareState()
			st.tickets, st.count, st.ended = c.spoil([]entry{bareEntry(1), bareEntry(2)}), c.count, c.ended
			_, err := decodeState(sessionstore.Record{Data: st.encode()})
			if c.good && err != nil || !c.good && !errors.Is(err, sessionstore.ErrCorrupt) {
				t.Errorf("%v, good is %v", err, c.good)
			}
		})
	}
}

// fill appends offers until there are so many.
func fill(list []entry, n int) []entry {
	for len(list) < n {
		list = append(list, bareEntry(uint64(len(list)+1)))
	}
	return list
}

func FuzzDecodeState(f *testing.F) {
	full, bare := fullState(), bareState()
	f.Add(full.encode())
	f.Add(bare.encode())
	f.Add(append(bare.encode(), 99, 1, 'x'))
	f.Add([]byte{stateVersion, tagValue, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) { checkDecode(t, data) })
}
