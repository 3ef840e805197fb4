package filestore

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The names in the folder; doc.go explains them.
const (
	formatName   = "FORMAT"
	lockName     = "lock"
	subjectsName = "subjects"
	tempSuffix   = ".tmp"
	shardCount   = 256
)

// The content of FORMAT. The number changes with anything that an older version
// of this package would misread.
const (
	formatPrefix = "cloakroom file store, format "
	format       = formatPrefix + "1\n"
)

func shardName(shard int) string  { return fmt.Sprintf("%02x", shard) }
func bucketName(shard int) string { return subjectsName + "/" + shardName(shard) }

const (
	checksumLen = 4
	largestFile = sessionstore.RecordHeaderLen + sessionstore.MaxSubjectLen + largestMaxData + checksumLen
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func checksum(b []byte) uint32 { return crc32.Checksum(b, castagnoli) }

// shardOf tells which shard has the record of id.
func shardOf(id string) int { return int(checksum([]byte(id)) % shardCount) }

// fileName returns the name of id's file: the id, and a mask of its capital
// letters, since a file system may not tell A from a.
func fileName(id string) string {
	var capitals uint64
	for i := range len(id) {
		capitals <<= 1
		if 'A' <= id[i] && id[i] <= 'Z' {
			capitals |= 1
		}
	}
	return id + "." + strconv.FormatUint(1<<44|capitals, 16)[1:] // 11 digits behind a 1
}

// idOf is the inverse of fileName.
func idOf(name string) (id string, ok bool) {
	id, _, _ = strings.Cut(name, ".")
	return id, sessionstore.CheckID(id) == nil && fileName(id) == name
}

// encode returns the content of id's file. It shares no memory with r.
func encode(id string, r sessionstore.Record) []byte {
	b := make([]byte, 0, sessionstore.RecordHeaderLen+len(r.Subject)+len(r.Data)+checksumLen)
	b = sessionstore.AppendRecord(b, id, r)
	return binary.BigEndian.AppendUint32(b, checksum(b))
}

func decode(b []byte, id string) (sessionstore.Record, error) {
	n := len(b) - checksumLen
	if n < 0 || binary.BigEndian.Uint32(b[n:]) != checksum(b[:n]) {
		return sessionstore.Record{}, fmt.Errorf("%w: wrong checksum", sessionstore.ErrCorrupt)
	}
	return sessionstore.ParseRecord(b[:n:n], id)
}
