//go:build unix

package filestore

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

const (
	// hasModes says that permission bits mean something.
	hasModes = true

	// readsLock says that a file that somebody reads can't be replaced.
	readsLock = false

	// openFlag keeps a FIFO that takes a record's place from blocking its reader.
	openFlag = syscall.O_NONBLOCK
)

// syncDir flushes the names in a folder within dir to the disk.
func syncDir(dir *os.Root, name string) error {
	f, err := dir.Open(name)
	if err != nil {
		return fmt.Errorf("open a folder: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("flush a folder: %w", err)
	}
	return nil
}

// held reports whether err says that another program is in a file's way: here it
// never is.
func held(error) bool { return false }

// descriptors returns how many files the process may have open, if the system tells.
func descriptors() (limit uint64, known bool) {
	var r syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &r)
	return uint64(r.Cur), err == nil //nolint:unconvert // signed on some systems
}
