//go:build amd64 || arm64

package stores_test

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"unsafe"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// fullFolder fills a small disk.
func fullFolder(tb testing.TB, id string, r sessionstore.Record) sessionstore.Store {
	tb.Helper()
	dir := smallDisk(tb)
	s := openFile(tb, dir, filestore.Options{})
	if err := s.Create(tb.Context(), id, r); err != nil {
		tb.Fatal(err)
	}
	for i := range 1000 {
		if err := os.WriteFile(fmt.Sprintf("%s/filler-%d", dir, i), make([]byte, 4096), 0o600); err != nil {
			return s
		}
	}
	tb.Fatal("the disk is never full")
	return nil
}

// stalledFolder asks the kernel to be asked before anything on a disk is
// opened, and never answers.
func stalledFolder(tb testing.TB) sessionstore.Store {
	tb.Helper()
	dir := smallDisk(tb)
	s := openFile(tb, dir, filestore.Options{})
	const (
		classContent = 0x4
		cloexec      = 0x1
		addToMount   = 0x1 | 0x10
		openPerm     = 0x10000
		onDir        = 0x40000000
	)
	path, err := syscall.BytePtrFromString(dir)
	if err != nil {
		tb.Fatal(err)
	}
	asked, _, errno := syscall.Syscall(syscall.SYS_FANOTIFY_INIT, classContent|cloexec, syscall.O_RDONLY, 0)
	if errno == 0 {
		tb.Cleanup(func() { _ = syscall.Close(int(asked)) }) // lets everybody go on
		_, _, errno = syscall.Syscall6(syscall.SYS_FANOTIFY_MARK, asked, addToMount, openPerm|onDir,
			^uintptr(99), uintptr(unsafe.Pointer(path)), 0) // -100: AT_FDCWD
	}
	if errno != 0 {
		tb.Skipf("stalling a disk needs root: %v", errno)
	}
	return s
}

// smallDisk mounts a file system in memory.
func smallDisk(tb testing.TB) string {
	tb.Helper()
	dir := filepath.Join(tb.TempDir(), "sessions")
	if err := os.Mkdir(dir, 0o700); err != nil {
		tb.Fatal(err)
	}
	if err := syscall.Mount("none", dir, "tmpfs", 0, "mode=0700,size=1m"); err != nil {
		tb.Skipf("mounting a small disk needs root: %v", err)
	}
	tb.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			tb.Error(err)
		}
	})
	return dir
}
