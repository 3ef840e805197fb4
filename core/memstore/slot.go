package memstore

import (
	"encoding/binary"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A slot holds a record. It takes 64 bytes, a line of a processor's cache, so that looking
// at it is one access to memory. What blob points to never changes, so that it can be read
// without the lock.
type slot struct {
	id      [idBytes]byte
	blob    string // see below; "" in a slot without a record
	expires int64  // nanoseconds since 1970
	heap    int32  // in the shard's expiry; in a slot without a record the next one such
	node    int32  // in the subject index
}

// The layout of a blob:
//
//	 0  1  the last character of the id
//	 1  8  version
//	 9  1  length of the subject
//	10     subject, then data to the end
const (
	versionOffset = 1
	lengthOffset  = 9
	subjectOffset = 10
)

// pack returns a slot for r. Its memory is its own.
func pack(id *packedID, r sessionstore.Record) slot {
	var header [subjectOffset]byte
	header[0] = id.last
	binary.BigEndian.PutUint64(header[versionOffset:], uint64(r.Version))
	header[lengthOffset] = byte(len(r.Subject)) //nolint:gosec // checked: at most MaxSubjectLen
	var b strings.Builder
	b.Grow(len(header) + len(r.Subject) + len(r.Data))
	b.Write(header[:])
	b.WriteString(r.Subject)
	b.Write(r.Data)
	return slot{id: id.bytes, blob: b.String(), expires: r.Expires.UnixNano(), node: none}
}

// is reports whether the slot's record has this id.
func (s *slot) is(id *packedID) bool { return s.id == id.bytes && s.blob[0] == id.last }

func (s *slot) packedID() packedID { return packedID{bytes: s.id, last: s.blob[0]} }

func (s *slot) version() sessionstore.Version {
	return sessionstore.Version(binary.BigEndian.Uint64([]byte(s.blob[versionOffset:lengthOffset])))
}

func (s *slot) subject() string { return s.blob[subjectOffset:s.data()] }

// data returns where in the blob the data begins.
func (s *slot) data() int { return subjectOffset + int(s.blob[lengthOffset]) }

func (s *slot) live(now time.Time) bool { return now.UnixNano() < s.expires }

// unpack returns the record, whose data belongs to the caller.
func (s *slot) unpack() sessionstore.Record {
	return sessionstore.Record{
		Data:    []byte(s.blob[s.data():]),
		Subject: s.subject(),
		Expires: time.Unix(0, s.expires).UTC(),
		Version: s.version(),
	}
}
