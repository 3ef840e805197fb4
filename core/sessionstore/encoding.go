package sessionstore

import (
	"encoding/binary"
	"fmt"
	"time"
)

// RecordHeaderLen is the size in bytes of the fixed part at the start of an
// encoded record.
const RecordHeaderLen = 64

// The layout of an encoded record, integers big-endian:
//
//	 0  4  magic "CRK1"
//	 4  8  expiry, nanoseconds since 1970
//	12  8  version
//	20 43  id
//	63  1  length of the subject
//	64     subject, then data to the end
const (
	recordMagic   = "CRK1"
	expiresOffset = 4
	versionOffset = 12
	idOffset      = 20
	subjectOffset = 63
)

// AppendRecord appends the encoding of r under id to dst and returns the
// extended slice. It is meant for stores whose backend keeps plain bytes. The
// id is part of it, so that bytes that turn up under another id are found out.
// The encoding has no checksum; a store whose medium has none adds one.
//
// The layout is fixed, integers are big-endian: "CRK1", the expiry in
// nanoseconds since 1970 (8 bytes), the version (8), the id (43), the length of
// the subject (1), the subject, and the data to the end. id and r must have
// passed [CheckID] and [CheckRecord].
func AppendRecord(dst []byte, id string, r Record) []byte {
	dst = append(dst, recordMagic...)
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Expires.UnixNano()))
	dst = binary.BigEndian.AppendUint64(dst, uint64(r.Version))
	dst = append(dst, id...)
	dst = append(dst, byte(len(r.Subject))) //nolint:gosec // checked: at most MaxSubjectLen
	dst = append(dst, r.Subject...)
	return append(dst, r.Data...)
}

// ParseRecord decodes what [AppendRecord] made for the same id. If b is
// anything else, also if it is empty, the error wraps [ErrCorrupt] and says in which respect,
// without repeating b. It does not judge expiry.
//
// The record's Data is a part of b.
func ParseRecord(b []byte, id string) (Record, error) {
	expires, err := ParseRecordExpires(b)
	if err != nil {
		return Record{}, err
	}
	if string(b[idOffset:subjectOffset]) != id {
		return Record{}, fmt.Errorf("%w: it carries another session's id", ErrCorrupt)
	}
	end := RecordHeaderLen + int(b[subjectOffset])
	if len(b) < end {
		return Record{}, fmt.Errorf("%w: cut short at %d bytes", ErrCorrupt, len(b))
	}
	version := Version(binary.BigEndian.Uint64(b[versionOffset:]))
	if version == 0 {
		return Record{}, fmt.Errorf("%w: version zero", ErrCorrupt)
	}
	return Record{
		Data:    b[end:len(b):len(b)],
		Subject: string(b[RecordHeaderLen:end]),
		Expires: expires,
		Version: version,
	}, nil
}

// ParseRecordExpires returns the expiry from the first [RecordHeaderLen] bytes
// of an encoded record, so that a store can find expired records without
// reading their data. If header isn't the start of one, the error wraps
// [ErrCorrupt].
func ParseRecordExpires(header []byte) (time.Time, error) {
	if len(header) < RecordHeaderLen || string(header[:expiresOffset]) != recordMagic {
		return time.Time{}, fmt.Errorf("%w: no record header", ErrCorrupt)
	}
	nanos := int64(binary.BigEndian.Uint64(header[expiresOffset:])) //nolint:gosec // the inverse of AppendRecord
	return time.Unix(0, nanos).UTC(), nil
}
