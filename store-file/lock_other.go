//go:build !(darwin || dragonfly || freebsd || illumos || linux || netbsd || openbsd || windows)

package filestore

import (
	"errors"
	"fmt"
	"os"
	"runtime"
)

// tryLock fails, and so does New: without locks, updates would get lost.
func tryLock(*os.File) (bool, error) {
	return false, fmt.Errorf("no file locks on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

func unlockFile(*os.File) {}
