//go:build !unix && !windows

package filestore

import "os"

// See file_unix.go.
const (
	hasModes  = false
	readsLock = true
	openFlag  = 0
)

// syncDir does nothing: a folder can't be flushed here.
func syncDir(*os.Root, string) error { return nil }

func held(error) bool { return false }

func descriptors() (limit uint64, known bool) { return 0, false }
