package session

import (
	"bytes"
	"encoding/hex"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// start is a time of creation without a monotonic clock.
var start = time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.UTC)

func fullState() state {
	st := newState(start)
	st.authenticated = start.Add(time.Hour)
	st.set("b", []byte(`"two"`))
	st.set("a", []byte(`1`))
	st.set("", []byte{})
	st.set("long", bytes.Repeat([]byte("x"), 300))
	return st
}

func TestAStateComesBackAsItWas(t *testing.T) {
	t.Parallel()
	empty, ended, signedIn := newState(start), newState(start), fullState()
	ended.ended = true
	signedIn.subject = "ann"
	for name, st := range map[string]state{"empty": empty, "full": fullState(), "ended": ended, "signed in": signedIn} {
		got, err := decodeState(Record{Data: st.encode(), Subject: st.subject})
		if err != nil || !reflect.DeepEqual(got, st) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, st)
		}
	}
}

// What is in stores now has to be readable for ever.
func TestTheEncodingIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	st := state{created: start, handle: [handleLen]byte([]byte("handlehandle")), authenticated: start.Add(time.Second)}
	st.set("counter", []byte("7"))
	const want = "01" + "0108" + "18ac3da2849e2715" +
		"020c" + "68616e646c6568616e646c65" +
		"0308" + "18ac3da2c038f115" +
		"1009" + "07" + "636f756e746572" + "37"
	if got := hex.EncodeToString(st.encode()); got != want {
		t.Errorf("encoded as\n%s, want\n%s", got, want)
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	st := fullState()
	data := append(st.encode(), 99, 3, 'n', 'e', 'w', 200, 1, 0) // tags 99 and 200
	got, err := decodeState(Record{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	got.set("c", []byte("3"))
	again, err := decodeState(Record{Data: got.encode()})
	if err != nil || !bytes.Equal(again.unknown, []byte{99, 3, 'n', 'e', 'w', 200, 1, 0}) {
		t.Errorf("unknown fields %v, %v", again.unknown, err)
	}
}

func TestDamagedDataIsAnErrorOrAState(t *testing.T) {
	t.Parallel()
	whole := fullState()
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

// checkDecode checks that data is refused with ErrCorrupt, or is a state that
// stays the same from then on.
func checkDecode(t *testing.T, data []byte) {
	t.Helper()
	st, err := decodeState(Record{Data: data})
	if err != nil {
		if !errors.Is(err, ErrCorrupt) {
			t.Errorf("%x: %v, want ErrCorrupt", data, err)
		}
		return
	}
	if !slices.IsSortedFunc(st.values, func(a, b value) int { return strings.Compare(a.name, b.name) }) {
		t.Errorf("%x: values are not sorted", data)
	}
	again, err := decodeState(Record{Data: st.encode()})
	if err != nil || !bytes.Equal(again.encode(), st.encode()) {
		t.Errorf("%x: does not survive a round trip: %v", data, err)
	}
}

func TestStatesOfAnotherVersionAreRefused(t *testing.T) {
	t.Parallel()
	st := fullState()
	data := st.encode()
	head := appendTime([]byte{stateVersion}, tagCreated, start)
	head = slices.Clip(head)
	for name, b := range map[string][]byte{
		"nothing":              {},
		"only a version":       {stateVersion},
		"another version":      append([]byte{stateVersion + 1}, data[1:]...),
		"JSON":                 []byte(`{"counter":1}`),
		"values out of order":  append(head, tagValue, 2, 1, 'b', tagValue, 2, 1, 'a'),
		"the same value twice": append(head, tagValue, 2, 1, 'a', tagValue, 2, 1, 'a'),
		"endless length":       append(head, tagValue, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
	} {
		if _, err := decodeState(Record{Data: b}); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v, want ErrCorrupt", name, err)
		}
	}
}

func TestACloneSharesNoList(t *testing.T) {
	t.Parallel()
	st := fullState()
	c := st.clone()
	c.set("a", []byte("changed"))
	c.set("new", []byte("1"))
	c.remove("b")
	if got, _ := st.get("a"); string(got) != "1" || len(st.values) != 4 {
		t.Errorf("the original has changed: %q, %d values", got, len(st.values))
	}
}

func FuzzDecodeState(f *testing.F) {
	full, empty := fullState(), newState(start)
	f.Add(full.encode())
	f.Add(empty.encode())
	f.Add(append(empty.encode(), 99, 1, 'x'))
	f.Add([]byte{stateVersion, tagValue, 0xff, 0xff, 0xff, 0xff, 0x0f})
	f.Fuzz(func(t *testing.T, data []byte) { checkDecode(t, data) })
}
