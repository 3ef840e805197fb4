package session

import (
	"context"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"
)

// A Store keeps records, each under an id. It is the contract between this
// package and a backend; the conformance module checks every sentence of it.
// An application constructs a Store and hands it to [New]; only store authors
// need to know its methods.
//
// All methods are safe for concurrent use, by goroutines and by processes that
// share the backend. A Store takes the caller's client, pool or directory, does
// not close it, and starts no goroutine of its own.
//
// # Ids
//
// An id is [IDLen] characters of A–Z a–z 0–9 - _ (base64url of a SHA-256), so
// that it is legal as a file name and as a memcached key. The visitor's token
// can't be computed from it and is never seen by a Store. A method given any
// other id returns [ErrInvalid] and touches nothing; see [CheckID].
//
// # Expiry
//
// A record is live until its Expires, and is then as good as absent, whether or
// not the backend has removed it: expiry is judged when a record is read or
// replaced, background deletion only tidies. A backend that keeps time in
// coarser units rounds up, so that no record dies early.
//
// # Contexts
//
// If ctx is done before or during a call, the method returns within 50 ms with an
// error for which errors.Is(err, ctx.Err()) holds, also where the driver knows
// no contexts. A write that was cut short so has an unknown outcome.
//
// # Errors
//
// The sentinels in this package say what happened for certain, see [Certain]. Every other
// failure wraps the driver's error with %w behind the package's name
// ("redisstore: …"), and means that the outcome is unknown. No error contains a
// record's data.
type Store interface {
	// Load returns the record under id.
	//
	// If there is none, or it has expired, Load returns ErrNotFound. If
	// something is stored there that isn't a record written for this id, Load
	// returns ErrCorrupt and leaves it as it is. A backend that can't answer is
	// neither: Load returns the driver's error.
	//
	// The record's Data belongs to the caller, who may change it.
	Load(ctx context.Context, id string) (Record, error)

	// Create stores r under an id that has no live record. An expired
	// record is replaced; what is no record at all is left, with ErrCorrupt.
	//
	// If a live record is there, Create returns ErrExists, except that it
	// reports success if that record has r.Version: then this very write has
	// been made before and its answer was lost. If r breaks the rules of Record,
	// Create returns ErrInvalid; if it is larger than the backend takes,
	// ErrTooLarge.
	//
	// Create neither keeps nor changes r.Data after it returns.
	Create(ctx context.Context, id string, r Record) error

	// Update replaces the live record under id if its version is old.
	//
	// If the version is another, Update returns ErrConflict, except that it
	// reports success if the stored version is r.Version already. If there is no
	// record, or it has expired, Update returns ErrNotFound: it never
	// creates one, so that what was ended stays ended. What is no record is left,
	// with ErrCorrupt. A version from before a
	// Delete and a new Create never matches again. ErrInvalid, ErrTooLarge and
	// the ownership of r.Data are as for Create.
	//
	// Of several concurrent calls with the same old version, one succeeds.
	Update(ctx context.Context, id string, old Version, r Record) error

	// Delete removes what is stored under id, whatever its version, also if it is
	// no record. It reports
	// success if nothing is there. It does not depend on the backend having room
	// to write: a logout works when storage is full.
	//
	// Once Delete has returned without an error, no Load that starts later finds
	// the record, until a later Create.
	Delete(ctx context.Context, id string) error
}

// A Record is what a Store keeps under one id.
type Record struct {
	// Data is opaque to the store. It may be empty.
	Data []byte

	// Subject says whose session it is, "" for nobody's. It is at most
	// [MaxSubjectLen] bytes of UTF-8 without NUL. Stores that implement
	// [SubjectIndex] find records by it; all return it from Load.
	Subject string

	// Expires is the instant from which the record is dead. It must be in the
	// future when the record is written and before the year 2262. Load returns
	// it in UTC, never earlier than it was written, and later by no more than
	// the precision that the store documents.
	Expires time.Time

	// Version identifies this write. The writer chooses it, at random and never
	// zero; stores compare it and do not count it up.
	Version Version
}

// A Version identifies one write of a record. Zero is no version.
type Version uint64

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
		return fmt.Errorf("%w: expiry after the year 2261", ErrInvalid)
	case !time.Now().Before(expires):
		return fmt.Errorf("%w: expiry in the past", ErrInvalid)
	}
	return nil
}
