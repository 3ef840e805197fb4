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

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// start is a time of creation without a monotonic clock.
var start = time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.UTC)

// fullState returns a state with every field that is encoded.
func fullState() state {
	st := newState(start)
	st.authenticated = start.Add(time.Hour)
	st.issued = start.Add(2 * time.Hour)
	st.successor = []byte("sealed token")
	st.graceUntil = start.Add(3 * time.Hour)
	st.deadline = start.Add(4 * time.Hour)
	st.idle = 5 * time.Hour
	st.persistence = persistNo
	st.ended = true
	st.authHash = bytes.Repeat([]byte("h"), 32)
	st.external = "sid-1"
	st.binding = []byte("a browser")
	st.steps = []step{{"", start}, {"mfa", start.Add(6 * time.Hour)}}
	st.flashes = []Flash{{}, {"success", "saved"}, {"", strings.Repeat("m", 200)}, {"success", "saved"}}
	st.set("b", []byte(`"two"`))
	st.set("a", []byte(`1`))
	st.set("", []byte{})
	st.set("long", bytes.Repeat([]byte("x"), 300))
	return st
}

func TestAStateComesBackAsItWas(t *testing.T) {
	t.Parallel()
	ended, signedIn := newState(start), fullState()
	ended.ended = true
	signedIn.subject = "ann"
	idleForEver := newState(start)
	idleForEver.idle = NoTimeout
	for name, st := range map[string]state{
		"empty": newState(start), "full": fullState(), "ended": ended, "signed in": signedIn, "no idle timeout": idleForEver,
	} {
		got, err := decodeState(sessionstore.Record{Data: st.encode(), Subject: st.subject})
		if err != nil || !reflect.DeepEqual(got, st) {
			t.Errorf("%s: got %+v, %v, want %+v", name, got, err, st)
		}
	}
}

// A field that is forgotten in fullState, and so in these tests, is found here.
func TestTheFullStateHasEveryField(t *testing.T) {
	t.Parallel()
	notEncoded := []string{"subject", "unknown", "kept", "resend", "point"}
	full := reflect.ValueOf(fullState())
	for field, v := range full.Fields() {
		if v.IsZero() != slices.Contains(notEncoded, field.Name) {
			t.Errorf("%s: empty is %v", field.Name, v.IsZero())
		}
	}
}

// What is in stores now has to be readable for ever.
func TestTheEncodingIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	st := state{
		created: start, publicID: [publicIDLen]byte([]byte("publicpublic")), authenticated: start.Add(time.Second),
		seed: [seedLen]byte(bytes.Repeat([]byte("s"), seedLen)), issued: start.Add(2 * time.Second), ended: true,
		successor: []byte("next"), graceUntil: start.Add(3 * time.Second), deadline: start.Add(4 * time.Second), idle: time.Minute,
		persistence: persistYes, authHash: []byte("hash"), external: "sid", binding: []byte("net"),
		steps: []step{{"mfa", start.Add(5 * time.Second)}}, flashes: []Flash{{"ok", "saved"}, {}},
	}
	st.set("counter", []byte("7"))
	want := "01" + "0108" + "18ac3da2849e2715" +
		"020c" + "7075626c69637075626c6963" +
		"0308" + "18ac3da2c038f115" +
		"0400" +
		"0520" + strings.Repeat("73", 32) +
		"0608" + "18ac3da2fbd3bb15" +
		"0704" + "6e657874" +
		"0808" + "18ac3da3376e8515" +
		"0908" + "18ac3da373094f15" +
		"0a08" + "0000000df8475800" +
		"0b01" + "01" +
		"0c04" + "68617368" +
		"0d03" + "736964" +
		"0e03" + "6e6574" +
		"0f0b" + "18ac3da3aea41915" + "6d6661" +
		"1208" + "02" + "6f6b" + "7361766564" +
		"1201" + "00" +
		"1009" + "07" + "636f756e746572" + "37"
	if got := hex.EncodeToString(st.encode()); got != want {
		t.Errorf("encoded as\n%s, want\n%s", got, want)
	}
	data, err := hex.DecodeString(want)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := decodeState(sessionstore.Record{Data: data}); err != nil || !reflect.DeepEqual(got, st) {
		t.Errorf("decoded as\n%+v, %v, want\n%+v", got, err, st)
	}
}

// A session that travels in its cookie carries the subject along.
func TestTheSubjectIsReadFromTheDataWhereThereIsNoRecord(t *testing.T) {
	t.Parallel()
	st := newState(start)
	data := appendField(st.encode(), tagSubject, []byte("ann"))
	if got, err := decodeState(sessionstore.Record{Data: data}); err != nil || got.subject != "ann" {
		t.Errorf("subject %q, %v", got.subject, err)
	}
	if hex.EncodeToString(data[len(data)-5:]) != "1103616e6e" {
		t.Errorf("encoded as %x", data)
	}
}

func TestUnknownFieldsAreKept(t *testing.T) {
	t.Parallel()
	st := fullState()
	data := append(st.encode(), 99, 3, 'n', 'e', 'w', 200, 1, 0) // tags 99 and 200
	got, err := decodeState(sessionstore.Record{Data: data})
	if err != nil {
		t.Fatal(err)
	}
	got.set("c", []byte("3"))
	again, err := decodeState(sessionstore.Record{Data: got.encode()})
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
	st, err := decodeState(sessionstore.Record{Data: data})
	if err != nil {
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%x: %v, want ErrCorrupt", data, err)
		}
		return
	}
	if !slices.IsSortedFunc(st.values, func(a, b value) int { return strings.Compare(a.name, b.name) }) {
		t.Errorf("%x: values are not sorted", data)
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
	head := appendTime([]byte{stateVersion}, tagCreated, start)
	head = slices.Clip(head)
	for name, b := range map[string][]byte{
		"nothing":              {},
		"only a version":       {stateVersion},
		"another version":      append([]byte{stateVersion + 1}, data[1:]...),
		"JSON":                 []byte(`{"counter":1}`),
		"values out of order":  append(head, tagValue, 2, 1, 'b', tagValue, 2, 1, 'a'),
		"the same value twice": append(head, tagValue, 2, 1, 'a', tagValue, 2, 1, 'a'),
		"short time":           append(head, tagDeadline, 7, 0, 0, 0, 0, 0, 0, 0),
		"short id":             append(head, tagPublicID, 1, 'h'),
		"long seed":            append(append(head, tagSeed, seedLen+1), make([]byte, seedLen+1)...),
		"negative idle":        append(head, tagIdle, 8, 0x80, 0, 0, 0, 0, 0, 0, 0),
		"short idle":           append(head, tagIdle, 0),
		"long persistence":     append(head, tagPersistence, 2, 1, 1),
		"step without a time":  append(head, tagStep, 3, 'm', 'f', 'a'),
		"flash cut short":      append(head, tagFlash, 2, 9, 'a'),
		"flash without a part": append(head, tagFlash, 0),
		"value without a name": append(head, tagValue, 0),
		"endless length":       append(head, tagValue, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1),
	} {
		if _, err := decodeState(sessionstore.Record{Data: b}); !errors.Is(err, sessionstore.ErrCorrupt) {
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
	c.flashes[0].Message = "changed"
	c.steps[0].level = "changed"
	if got, _ := st.get("a"); string(got) != "1" || len(st.values) != 4 || st.flashes[0].Message != "" || st.steps[0].level != "" {
		t.Errorf("the original has changed: %q, %d values, %v, %v", got, len(st.values), st.flashes[0], st.steps[0])
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
