package filestore_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"os"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// FuzzRecordFile puts anything into the file of a record, as it is and with the right
// checksum. Each method either reads what Create would have written, or says that
// the record is damaged or gone.
func FuzzRecordFile(f *testing.F) {
	dir := f.TempDir()
	if err := os.Chmod(dir, 0o700); err != nil {
		f.Fatal(err)
	}
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = s.Close() }) // the files are thrown away
	id := newID()
	r := newRecord("data", "alice")
	whole := sessionstore.AppendRecord(nil, id, r)
	if err := s.Create(f.Context(), id, r); err != nil {
		f.Fatal(err)
	}
	path := recordPath(f, dir, id)

	f.Add(whole[sessionstore.RecordHeaderLen:], whole[:sessionstore.RecordHeaderLen], true)
	f.Add(whole[sessionstore.RecordHeaderLen:], whole[:sessionstore.RecordHeaderLen], false)
	f.Add([]byte{}, whole[:4], true)
	f.Add([]byte{}, []byte{}, false)
	f.Fuzz(func(t *testing.T, rest, header []byte, sum bool) {
		content := append(bytes.Clone(header), rest...)
		if sum {
			content = withChecksum(content)
		}
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		read, err := s.Load(t.Context(), id)
		if err != nil {
			if !errors.Is(err, sessionstore.ErrCorrupt) && !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("Load: %v", err)
			}
		} else if !bytes.Equal(content, withChecksum(sessionstore.AppendRecord(nil, id, read))) {
			t.Errorf("%x is read as %+v", content, read)
		}
		if err := s.Touch(t.Context(), id, read.Version|1, time.Now().Add(time.Hour)); err != nil && !sessionstore.Certain(err) {
			t.Errorf("Touch: %v", err)
		}
		if err := s.Delete(t.Context(), id); err != nil && !sessionstore.Certain(err) {
			t.Errorf("Delete: %v", err)
		}
	})
}

func withChecksum(b []byte) []byte {
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)))
}
