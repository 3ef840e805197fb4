package sessionstore

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Record is what a Store keeps under one id.
type Record struct {
	// Data is opaque to the store. It may be empty; nil is the same.
	Data []byte

	// Subject says whose session it is, "" for nobody's. It is at most
	// [MaxSubjectLen] bytes of UTF-8 without NUL, compared byte for byte. Stores that implement
	// [SubjectIndex] find records by it; all return it from Load.
	Subject string

	// Expires is the instant from which the record is dead. It must be in the
	// future when the record is written, and at most 2262-04-11 23:47:15 UTC, the
	// last whole second of UnixNano. Stores return it in UTC, never earlier than it
	// was written, and later by no more than the precision that the store documents.
	Expires time.Time

	// Version identifies this write. The writer chooses it, at random and never
	// zero; stores compare it and do not count it up.
	Version Version
}

// Live reports whether r has not expired, by the clock of this process.
func (r Record) Live() bool { return time.Now().Before(r.Expires) }

// A Version identifies one write of a record. Zero is no version.
type Version uint64

// NewVersion returns a version for the next write, at random. crypto/rand never
// fails: it ends the process rather than return predictable bytes.
func NewVersion() Version {
	var b [8]byte
	for {
		_, _ = rand.Read(b[:])
		if v := Version(binary.BigEndian.Uint64(b[:])); v != 0 {
			return v
		}
	}
}

const (
	// IDLen is the length of every id in bytes.
	IDLen = 43

	// MaxSubjectLen is the longest subject in bytes.
	MaxSubjectLen = 255
)

// maxExpires is the last whole second that UnixNano can express.
var maxExpires = time.Unix(1<<63/1_000_000_000-1, 0)

// CheckID returns an error that wraps [ErrInvalid] unless id has the form that
// the Store contract prescribes. Stores call it first in every method. The error
// does not repeat the id.
func CheckID(id string) error {
	if len(id) != IDLen {
		return fmt.Errorf("%w: id of %d bytes, want %d", ErrInvalid, len(id), IDLen)
	}
	for i := range len(id) {
		switch c := id[i]; {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return fmt.Errorf("%w: id with byte %#x at %d, want A-Z a-z 0-9 - _", ErrInvalid, c, i)
		}
	}
	return nil
}

// CheckRecord returns an error that wraps [ErrInvalid] unless r may be written
// now: its version is not zero, its expiry lies in the future and is
// representable, its subject is well formed. Stores call it in Create and
// Update.
func CheckRecord(r Record) error {
	if r.Version == 0 {
		return fmt.Errorf("%w: record with version zero", ErrInvalid)
	}
	if r.Subject != "" {
		if err := CheckSubject(r.Subject); err != nil {
			return err
		}
	}
	return CheckExpires(r.Expires)
}

// CheckSubject returns an error that wraps [ErrInvalid] unless subject may name
// somebody: it is not empty, at most [MaxSubjectLen] bytes long and UTF-8
// without NUL, which is what every backend can keep as text. Stores call it in
// ListSubject and DeleteSubject. The error does not repeat the subject.
func CheckSubject(subject string) error {
	switch {
	case subject == "":
		return fmt.Errorf("%w: empty subject", ErrInvalid)
	case len(subject) > MaxSubjectLen:
		return fmt.Errorf("%w: subject of %d bytes, at most %d", ErrInvalid, len(subject), MaxSubjectLen)
	case !utf8.ValidString(subject):
		return fmt.Errorf("%w: subject is not UTF-8", ErrInvalid)
	case strings.Contains(subject, "\x00"):
		return fmt.Errorf("%w: subject with a NUL byte", ErrInvalid)
	}
	return nil
}

// CheckExpires returns an error that wraps [ErrInvalid] unless a record may be
// given this expiry now. Stores call it in Touch.
func CheckExpires(expires time.Time) error {
	switch {
	case expires.IsZero():
		return fmt.Errorf("%w: record without expiry", ErrInvalid)
	case expires.After(maxExpires):
		return fmt.Errorf("%w: expiry after 2262-04-11 23:47:15 UTC", ErrInvalid)
	case !time.Now().Before(expires):
		return fmt.Errorf("%w: expiry in the past", ErrInvalid)
	}
	return nil
}
