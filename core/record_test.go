package session_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	session "github.com/cloakroom-go/cloakroom/core"
)

var (
	anID      = strings.Repeat("a-_9Z", 8) + "xyz"
	anotherID = strings.Repeat("b", session.IDLen)
	aRecord   = session.Record{
		Data: []byte("data"), Subject: "ann", Version: 0x0102030405060708,
		Expires: time.Date(2099, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
)

func sameRecord(a, b session.Record) bool {
	return bytes.Equal(a.Data, b.Data) && a.Subject == b.Subject && a.Version == b.Version && a.Expires.Equal(b.Expires)
}

func TestARecordComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*session.Record){
		"full":            func(*session.Record) {},
		"no data":         func(r *session.Record) { r.Data = nil },
		"no subject":      func(r *session.Record) { r.Subject = "" },
		"longest subject": func(r *session.Record) { r.Subject = strings.Repeat("x", session.MaxSubjectLen) },
		"highest version": func(r *session.Record) { r.Version = 1<<64 - 1 },
		"another zone":    func(r *session.Record) { r.Expires = r.Expires.In(time.FixedZone("", 3600)) },
	} {
		r := aRecord
		change(&r)
		got, err := session.ParseRecord(session.AppendRecord(nil, anID, r), anID)
		if err != nil || !sameRecord(got, r) || got.Expires.Location() != time.UTC {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestAppendRecordKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := session.AppendRecord([]byte("header"), anID, aRecord)
	if !bytes.HasPrefix(b, []byte("header")) {
		t.Fatal("the prefix is gone")
	}
	if got, err := session.ParseRecord(b[6:], anID); err != nil || !sameRecord(got, aRecord) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What is in stores now has to be readable for ever.
func TestTheLayoutOfARecordIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	want := hex.EncodeToString([]byte("CRK1")) + "38eecfcf56a5ffff" + "0102030405060708" +
		hex.EncodeToString([]byte(anID)) + "03" + hex.EncodeToString([]byte("ann"+"data"))
	if got := hex.EncodeToString(session.AppendRecord(nil, anID, aRecord)); got != want {
		t.Errorf("encoded as\n%s, want\n%s", got, want)
	}
}

func TestARecordOfAnotherSessionIsCorrupt(t *testing.T) {
	t.Parallel()
	if _, err := session.ParseRecord(session.AppendRecord(nil, anID, aRecord), anotherID); !errors.Is(err, session.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestADamagedRecordIsCorruptOrDifferent(t *testing.T) {
	t.Parallel()
	whole := session.AppendRecord(nil, anID, aRecord)
	for n := range len(whole) - len(aRecord.Data) {
		if _, err := session.ParseRecord(whole[:n], anID); !errors.Is(err, session.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v, want ErrCorrupt", n, err)
		}
	}
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			got, err := session.ParseRecord(b, anID)
			if err != nil && !errors.Is(err, session.ErrCorrupt) {
				t.Errorf("bit %d of byte %d flipped: %v, want ErrCorrupt", bit, i, err)
			}
			if err == nil && sameRecord(got, aRecord) {
				t.Errorf("bit %d of byte %d flipped: nothing has changed", bit, i)
			}
		}
	}
	noVersion := session.AppendRecord(nil, anID, session.Record{Expires: farAway})
	if _, err := session.ParseRecord(noVersion, anID); !errors.Is(err, session.ErrCorrupt) {
		t.Errorf("version zero: %v, want ErrCorrupt", err)
	}
}

func TestTheExpiryIsReadFromTheHeaderAlone(t *testing.T) {
	t.Parallel()
	b := session.AppendRecord(nil, anID, aRecord)
	if got, err := session.ParseRecordExpires(b[:session.RecordHeaderLen]); err != nil || !got.Equal(aRecord.Expires) {
		t.Errorf("got %v, %v, want %v", got, err, aRecord.Expires)
	}
	if _, err := session.ParseRecordExpires(b[:session.RecordHeaderLen-1]); !errors.Is(err, session.ErrCorrupt) {
		t.Errorf("cut: %v, want ErrCorrupt", err)
	}
}

func TestErrorsOfParseRecordDoNotRepeatTheData(t *testing.T) {
	t.Parallel()
	b := append(session.AppendRecord(nil, anID, aRecord), "a secret"...)
	b[0] = 'X'
	_, err := session.ParseRecord(b, anID)
	_, err2 := session.ParseRecord(session.AppendRecord(nil, anID, aRecord), anotherID)
	for _, err := range []error{err, err2} {
		if err == nil {
			t.Fatal("no error")
		}
		for _, part := range []string{"secret", "ann", anID, anotherID} {
			if strings.Contains(err.Error(), part) {
				t.Errorf("%v: it repeats %q", err, part)
			}
		}
	}
}

func FuzzParseRecord(f *testing.F) {
	whole := session.AppendRecord(nil, anID, aRecord)
	f.Add(whole)
	f.Add(whole[:session.RecordHeaderLen])
	f.Add([]byte("CRK1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := session.ParseRecord(b, anID)
		if err != nil {
			if !errors.Is(err, session.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
			return
		}
		if !bytes.Equal(session.AppendRecord(nil, anID, r), b) {
			t.Errorf("%x does not survive a round trip", b)
		}
	})
}

func TestCheckersRefuseWhatTheContractForbids(t *testing.T) {
	t.Parallel()
	tomorrow := time.Now().Add(24 * time.Hour)
	for name, err := range map[string]error{
		"id too short":        session.CheckID(anID[1:]),
		"id too long":         session.CheckID(anID + "a"),
		"id with a slash":     session.CheckID("/" + anID[1:]),
		"id with a dot":       session.CheckID("." + anID[1:]),
		"id with NUL":         session.CheckID("\x00" + anID[1:]),
		"id in UTF-8":         session.CheckID("é" + anID[2:]),
		"no version":          session.CheckRecord(session.Record{Expires: tomorrow}),
		"no expiry":           session.CheckRecord(session.Record{Version: 1}),
		"expiry now":          session.CheckExpires(time.Now()),
		"expiry past":         session.CheckExpires(time.Now().Add(-time.Second)),
		"expiry 1970":         session.CheckExpires(time.Unix(0, 0)),
		"expiry too far":      session.CheckExpires(time.Date(2263, 1, 1, 0, 0, 0, 0, time.UTC)),
		"subject empty":       session.CheckSubject(""),
		"subject too long":    session.CheckSubject(strings.Repeat("x", 256)),
		"subject with NUL":    session.CheckSubject("a\x00"),
		"subject not UTF-8":   session.CheckSubject("\xff"),
		"subject in a record": session.CheckRecord(session.Record{Version: 1, Expires: tomorrow, Subject: "\xff"}),
	} {
		if !errors.Is(err, session.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
			continue
		}
		if strings.Contains(err.Error(), anID[5:]) {
			t.Errorf("%s: the error repeats the id", name)
		}
	}
	for name, err := range map[string]error{
		"id":      session.CheckID(anID),
		"record":  session.CheckRecord(session.Record{Version: 1, Expires: tomorrow}),
		"expiry":  session.CheckExpires(time.Date(2262, 1, 1, 0, 0, 0, 0, time.UTC)),
		"subject": session.CheckSubject(strings.Repeat("x", 255)),
	} {
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
