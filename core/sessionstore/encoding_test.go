package sessionstore_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var (
	anID      = strings.Repeat("a-_9Z", 8) + "xyz"
	anotherID = strings.Repeat("b", sessionstore.IDLen)
	aRecord   = sessionstore.Record{
		Data: []byte("data"), Subject: "ann", Version: 0x0102030405060708,
		Expires: time.Date(2099, 12, 31, 23, 59, 59, 999999999, time.UTC),
	}
)

func sameRecord(a, b sessionstore.Record) bool {
	return bytes.Equal(a.Data, b.Data) && a.Subject == b.Subject && a.Version == b.Version && a.Expires.Equal(b.Expires)
}

func TestARecordComesBackAsItWas(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*sessionstore.Record){
		"full":            func(*sessionstore.Record) {},
		"no data":         func(r *sessionstore.Record) { r.Data = nil },
		"no subject":      func(r *sessionstore.Record) { r.Subject = "" },
		"longest subject": func(r *sessionstore.Record) { r.Subject = strings.Repeat("x", sessionstore.MaxSubjectLen) },
		"highest version": func(r *sessionstore.Record) { r.Version = 1<<64 - 1 },
		"another zone":    func(r *sessionstore.Record) { r.Expires = r.Expires.In(time.FixedZone("", 3600)) },
	} {
		r := aRecord
		change(&r)
		got, err := sessionstore.ParseRecord(sessionstore.AppendRecord(nil, anID, r), anID)
		if err != nil || !sameRecord(got, r) || got.Expires.Location() != time.UTC {
			t.Errorf("%s: got %+v, %v", name, got, err)
		}
	}
}

func TestAppendRecordKeepsWhatIsThere(t *testing.T) {
	t.Parallel()
	b := sessionstore.AppendRecord([]byte("header"), anID, aRecord)
	if !bytes.HasPrefix(b, []byte("header")) {
		t.Fatal("the prefix is gone")
	}
	if got, err := sessionstore.ParseRecord(b[6:], anID); err != nil || !sameRecord(got, aRecord) {
		t.Errorf("got %+v, %v", got, err)
	}
}

// What is in stores now has to be readable for ever.
func TestTheLayoutOfARecordIsTheGoldenOne(t *testing.T) {
	t.Parallel()
	want := hex.EncodeToString([]byte("CRK1")) + "38eecfcf56a5ffff" + "0102030405060708" +
		hex.EncodeToString([]byte(anID)) + "03" + hex.EncodeToString([]byte("ann"+"data"))
	if got := hex.EncodeToString(sessionstore.AppendRecord(nil, anID, aRecord)); got != want {
		t.Errorf("encoded as\n%s, want\n%s", got, want)
	}
}

func TestARecordOfAnotherSessionIsCorrupt(t *testing.T) {
	t.Parallel()
	b := sessionstore.AppendRecord(nil, anID, aRecord)
	if _, err := sessionstore.ParseRecord(b, anotherID); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("got %v, want ErrCorrupt", err)
	}
}

func TestADamagedRecordIsCorruptOrDifferent(t *testing.T) {
	t.Parallel()
	whole := sessionstore.AppendRecord(nil, anID, aRecord)
	for n := range len(whole) - len(aRecord.Data) {
		if _, err := sessionstore.ParseRecord(whole[:n], anID); !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("cut to %d bytes: %v, want ErrCorrupt", n, err)
		}
	}
	for i := range whole {
		for bit := range 8 {
			b := bytes.Clone(whole)
			b[i] ^= 1 << bit
			got, err := sessionstore.ParseRecord(b, anID)
			if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
				t.Errorf("bit %d of byte %d flipped: %v, want ErrCorrupt", bit, i, err)
			}
			if err == nil && sameRecord(got, aRecord) {
				t.Errorf("bit %d of byte %d flipped: nothing has changed", bit, i)
			}
		}
	}
	noVersion := sessionstore.AppendRecord(nil, anID, sessionstore.Record{Expires: farAway})
	if _, err := sessionstore.ParseRecord(noVersion, anID); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("version zero: %v, want ErrCorrupt", err)
	}
}

func TestTheExpiryIsReadFromTheHeaderAlone(t *testing.T) {
	t.Parallel()
	b := sessionstore.AppendRecord(nil, anID, aRecord)
	if got, err := sessionstore.ParseRecordExpires(b[:sessionstore.RecordHeaderLen]); err != nil || !got.Equal(aRecord.Expires) {
		t.Errorf("got %v, %v, want %v", got, err, aRecord.Expires)
	}
	if _, err := sessionstore.ParseRecordExpires(b[:sessionstore.RecordHeaderLen-1]); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("cut: %v, want ErrCorrupt", err)
	}
}

func TestErrorsOfParseRecordDoNotRepeatTheData(t *testing.T) {
	t.Parallel()
	b := append(sessionstore.AppendRecord(nil, anID, aRecord), "a secret"...)
	b[0] = 'X'
	_, err := sessionstore.ParseRecord(b, anID)
	_, err2 := sessionstore.ParseRecord(sessionstore.AppendRecord(nil, anID, aRecord), anotherID)
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
	whole := sessionstore.AppendRecord(nil, anID, aRecord)
	f.Add(whole)
	f.Add(whole[:sessionstore.RecordHeaderLen])
	f.Add([]byte("CRK1"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, err := sessionstore.ParseRecordExpires(b); err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("the header: %v, want ErrCorrupt", err)
		}
		r, err := sessionstore.ParseRecord(b, anID)
		if err != nil {
			if !errors.Is(err, sessionstore.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
			return
		}
		if !bytes.Equal(sessionstore.AppendRecord(nil, anID, r), b) {
			t.Errorf("%x does not survive a round trip", b)
		}
		if expires, err := sessionstore.ParseRecordExpires(b[:sessionstore.RecordHeaderLen]); err != nil || !expires.Equal(r.Expires) {
			t.Errorf("%x expires at %v, its header says %v, %v", b, r.Expires, expires, err)
		}
	})
}
