package session

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// start is a time without a monotonic clock.
var start = time.Date(2026, 5, 4, 3, 2, 1, 123456789, time.UTC)

// after returns a time some hours after start.
func after(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }

// fullEntry returns an entry with every field that is encoded.
func fullEntry() entry {
	return entry{
		rights: rights{
			authenticated: after(1), started: after(2), seed: [seedLen]byte(bytes.Repeat([]byte("s"), seedLen)),
			steps:    []step{{"", start}, {"mfa", after(3)}, {strings.Repeat("l", 200), after(4)}},
			lifetime: lifetime{deadline: after(7), idle: 5 * time.Hour, absolute: 6 * time.Hour, persistence: persistNo},
		},
		hash: ticketHash(bytes.Repeat([]byte("h"), 16)), form: 7, at: after(5), retired: after(6), until: after(8),
		offered: 300, seen: 301, before: true, login: true, shared: true, as: recordID(bytes.Repeat([]byte("a"), 32)),
	}
}

// bareEntry returns an entry of a ticket that was just offered.
func bareEntry(number uint64) entry {
	return entry{hash: ticketHash{byte(number)}, offered: number, at: start, rights: rights{started: start}}
}

// fullState returns a state with every field that is encoded.
func fullState() state {
	st := state{
		id: publicID([]byte("publicpublic")), tickets: []entry{bareEntry(1), fullEntry(), bareEntry(302)}, count: 400,
		aged: after(1), untaken: 3, place: after(2), letIn: true, ended: true, out: true,
		origins:  origins(strings.Repeat("o", 2*sessionstore.IDLen)),
		authHash: bytes.Repeat([]byte("h"), 32), binding: []byte("a browser"),
		replaces: strings.Repeat("l", sessionstore.IDLen), actor: "an administrator", home: recordID(bytes.Repeat([]byte("o"), 32)),
		leases:  []lease{{"", 1, after(1), after(2)}, {strings.Repeat("l", 200), 1<<64 - 1, after(3), after(4)}},
		flashes: []Flash{{}, {"success", "saved"}, {"", strings.Repeat("m", 200)}, {"success", "saved"}},
	}
	for version := range sessionstore.Version(5) {
		st.noteWrite(version + 1)
	}
	st.set("b", []byte(`"two"`))
	st.set("a", []byte(`1`))
	st.set("", []byte{})
	st.set("long", bytes.Repeat([]byte("x"), 300))
	return st
}

// bareState returns a state of which nothing but what has to be there is there.
func bareState() state {
	return state{tickets: []entry{bareEntry(1)}, count: 1, id: publicID([]byte("publicpublic"))}
}

func TestAStateComesBackAsItWas(t *testing.T) {
	t.Parallel()
	live, idleForEver, signedIn, written := fullState(), bareState(), fullState(), bareState()
	live.ended, live.out = false, false
	idleForEver.tickets[0].idle = NoTimeout
	signedIn.subject = "ann"
	for version := range sessionstore.Version(2 * maxWrites) {
		written.noteWrite(version + 1)
	}
	for name, st := range map[string]state{
		"bare": bareState(), "full": fullState(), "live": live, "signed in": signedIn, "no idle timeout": idleForEver, "written": written,
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
	notEncoded := []string{"subject", "unknown"}
	full, e := fullState(), fullEntry()
	for _, v := range []reflect.Value{
		reflect.ValueOf(full), reflect.ValueOf(e), reflect.ValueOf(e.rights), reflect.ValueOf(e.lifetime),
	} {
		for field, v := range v.Fields() {
			if v.IsZero() != slices.Contains(notEncoded, field.Name) {
				t.Errorf("%s: empty is %v", field.Name, v.IsZero())
			}
		}
	}
}

// What is in stores now has to be readable for ever.
func TestTheEncodingIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	at := func(seconds int) time.Time { return start.Add(time.Duration(seconds) * time.Second) }
	st := state{
		id: publicID([]byte("publicpublic")), count: 301, ended: true, aged: at(1), untaken: 2, place: at(2),
		writes: [maxWrites]sessionstore.Version{0xabcd, 0xef},
		tickets: []entry{
			{hash: ticketHash(bytes.Repeat([]byte("h"), 16)), offered: 1, at: at(3), rights: rights{started: at(4)}},
			{
				rights: rights{
					authenticated: at(1), started: at(2), seed: [seedLen]byte(bytes.Repeat([]byte("s"), seedLen)),
					steps:    []step{{"mfa", at(5)}},
					lifetime: lifetime{deadline: at(4), idle: time.Minute, absolute: time.Hour, persistence: persistYes},
				},
				hash: ticketHash(bytes.Repeat([]byte("i"), 16)), offered: 300, seen: 301, form: 0x01020304,
				at: at(3), retired: at(4), until: at(5), before: true, login: true,
			},
		},
		authHash: []byte("hash"), binding: []byte("net"), flashes: []Flash{{"ok", "saved"}, {}},
	}
	st.set("counter", []byte("7"))
	const (
		t0, t1, t2 = "18ac3da2849e2715", "18ac3da2c038f115", "18ac3da2fbd3bb15"
		t3, t4, t5 = "18ac3da3376e8515", "18ac3da373094f15", "18ac3da3aea41915"
	)
	if got := hex.EncodeToString(appendInstant(nil, start)); got != t0 {
		t.Fatalf("the time is encoded as %s", got)
	}
	seed := strings.Repeat("73", 16)
	want := "01" + // version
		"010c" + "7075626c69637075626c6963" + // public id
		"0238" + "0000" + strings.Repeat("68", 16) + strings.Repeat("00", 16) + "00000000" + t3 + t4 + "01" + "00" + // ticket
		"0277" + "01ff" + strings.Repeat("69", 16) + seed + "01020304" + t3 + t2 + "ac02" + "ad02" + // ticket
		t4 + t1 + t5 + t4 + "0000000df8475800" + "0000034630b8a000" + "01" + t5 + "03" + "6d6661" + // its options
		"0302" + "ad02" + // count
		"0400" + // ended
		"0508" + t1 + // aged
		"0601" + "02" + // untaken
		"0708" + t2 + // place
		"0810" + "000000000000abcd" + "00000000000000ef" + // writes
		"0904" + "68617368" + // authentication hash
		"0a03" + "6e6574" + // binding
		"0b08" + "02" + "6f6b" + "7361766564" + // flashes
		"0b01" + "00" +
		"0c09" + "07" + "636f756e746572" + "37" // value
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

// Likewise, what a session leaves that an old one has gone into.
func TestTheEncodingOfWhatMovesInIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	bare := bareState()
	data := string(bare.encode())
	over, live := bareState(), bareState()
	over.ended, over.out = true, true
	id := strings.Repeat("o", sessionstore.IDLen)
	live.origins = origins(id + id)
	for want, st := range map[string]state{data + "\x04\x01\x01": over, data + "\x11\x56" + id + id: live} {
		if got := st.encode(); string(got) != want {
			t.Errorf("encoded as\n%x, want\n%x", got, want)
		}
	}
}

// A session that travels in its cookie carries the subject along.
func TestTheSubjectIsReadFromTheDataWhereThereIsNoRecord(t *testing.T) {
	t.Parallel()
	st := bareState()
	data := appendField(st.encode(), tagSubject, []byte("ann"))
	if got, err := decodeState(sessionstore.Record{Data: data}); err != nil || got.subject != "ann" {
		t.Errorf("subject %q, %v", got.subject, err)
	}
	if hex.EncodeToString(data[len(data)-5:]) != "0d03616e6e" {
		t.Errorf("encoded as %x", data)
	}
}

// An old process keeps what a newer one has written.
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

func TestACloneDoesNotShareChanges(t *testing.T) {
	t.Parallel()
	v := view{state: fullState()}
	c := v.clone()
	c.set("a", []byte("changed"))
	c.set("new", []byte("1"))
	c.remove("b")
	c.flashes[0].Message = "changed"
	c.retireBefore()
	c.noteWrite(99)
	want := view{state: fullState()}
	if !reflect.DeepEqual(v, want) {
		t.Errorf("the original has changed: %+v", v)
	}
}

func TestAStateRemembersItsLastWrites(t *testing.T) {
	t.Parallel()
	var st state
	for version := range sessionstore.Version(3 * maxWrites) {
		st.noteWrite(version + 1)
		for v := range version + 1 {
			if want := v+maxWrites > version; st.wrote(v+1) != want {
				t.Errorf("after write %d it remembers %d: %v, want %v", version+1, v+1, !want, want)
			}
		}
	}
}
