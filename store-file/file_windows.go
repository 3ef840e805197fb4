package filestore

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// See file_unix.go.
const (
	hasModes  = false
	readsLock = true
	openFlag  = 0
)

// syncDir does nothing: a folder can't be flushed here.
func syncDir(*os.Root, string) error { return nil }

// held reports whether err says that another program is in a file's way. Windows says
// that access is denied also for a file that is open when it is to be replaced, and for
// one that is gone but for a program that still has it open.
func held(err error) bool {
	return errors.Is(err, windows.ERROR_SHARING_VIOLATION) || errors.Is(err, windows.ERROR_ACCESS_DENIED) ||
		errors.Is(err, windows.ERROR_LOCK_VIOLATION)
}

func descriptors() (limit uint64, known bool) { return 0, false }
