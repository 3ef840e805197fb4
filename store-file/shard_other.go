//go:build !linux

package filestore

import (
	"errors"
	"io"
	"os"
)

// shardDescriptors is how many a shard holds.
const shardDescriptors = 1

// A shard is the folder of some records.
type shard struct{ *os.Root }

func openShard(root *os.Root) (*shard, error) { return &shard{root}, nil }

// read returns what a file begins with, most bytes of it. It follows no link: os.Root would
// follow one within the folder.
func (d *shard) read(name string, most int64) ([]byte, error) {
	info, err := d.Lstat(name)
	if err == nil {
		err = checkFile(info.Mode().IsRegular(), info.Size())
	}
	if err != nil {
		return nil, err
	}
	f, err := d.OpenFile(name, os.O_RDONLY|openFlag, 0)
	if err != nil {
		return nil, err //nolint:wrapcheck // contents does it
	}
	defer func() { _ = f.Close() }() // nothing was written
	info, err = f.Stat()
	if err == nil {
		err = checkFile(info.Mode().IsRegular(), info.Size())
	}
	if err != nil {
		return nil, err
	}
	b := make([]byte, min(info.Size(), most))
	_, err = io.ReadFull(f, b)
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errCutShort
	}
	return b, err
}

// readNow is for systems that can read a file without waiting for a disk.
func (d *shard) readNow(string) (b []byte, ok bool) { return nil, false }
