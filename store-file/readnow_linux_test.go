package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"slices"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func init() { children["another's record"] = childAnothersRecord } //nolint:gochecknoinits // registers what TestMain runs

// A Load that has to wait for the disk has a goroutine, and one that finds the file in
// memory has none. No other test may run meanwhile.
func TestALoadWaitsForTheDiskAloneInAGoroutine(t *testing.T) { //nolint:paralleltest // see above
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "in memory", "ada")
	path := recordPath(t, dir, id)
	wantRecord(t, s, id, r)

	const loads = 100
	inGoroutines := func(before func()) (n uint64) {
		for range loads {
			before()
			start := goroutines()
			wantRecord(t, s, id, r)
			n += goroutines() - start
		}
		return n
	}
	if n := inGoroutines(func() {}); tellsWhatIsCached(t, path) != (n < loads/2) {
		t.Errorf("%d loads of a file in memory started %d goroutines", loads, n)
	}
	if n := inGoroutines(func() { forgetContent(t, path) }); n < loads/2 {
		t.Errorf("%d loads from the disk started %d goroutines", loads, n)
	}
}

// The caller must not ask the disk for anything: one that takes no more requests lets it wait.
func TestACallerAsksTheDiskForNothing(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "on the disk", "ada")
	path := recordPath(t, dir, id)
	wantRecord(t, s, id, r)

	runtime.LockOSThread() // another goroutine has another thread
	defer runtime.UnlockOSThread()
	const loads = 100
	before := counted(t, "thread-self", "read_bytes")
	for range loads {
		forgetContent(t, path)
		wantRecord(t, s, id, r)
	}
	if n := counted(t, "thread-self", "read_bytes") - before; n >= loads*os.Getpagesize()/2 {
		t.Errorf("in %d loads the caller has read %d bytes from the disk", loads, n)
	}
}

// A file may be replaced while it is read, by another process, too.
func TestALoadBesideWritersFindsOneOfTheirRecords(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s, other := open(t, dir), open(t, dir)
	id, r := create(t, s, "0", "ada")
	done := make(chan error)
	go func() {
		var err error
		for n := 0; n < 200 && err == nil; n++ {
			next := newRecord(string(rune('a'+n%26)), "ada")
			err = other.Update(t.Context(), id, r.Version, next)
			r = next
		}
		done <- err
	}()
	for {
		got, err := s.Load(t.Context(), id)
		if err != nil || len(got.Data) != 1 || got.Subject != "ada" {
			t.Fatalf("Load: %+v, %v", got, err)
		}
		select {
		case err := <-done:
			if err != nil {
				t.Fatal(err)
			}
			wantRecord(t, s, id, r)
			return
		default:
		}
	}
}

// In a folder that users share, the kernel lets nobody but a file's owner read it without
// noting that. Only root can make somebody else of the child.
func TestAnotherUsersRecordIsRead(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, _ := create(t, s, "x", "ada")
	record := recordPath(t, dir, id)
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || path == record || os.Getuid() != 0 {
			return err
		}
		return os.Chown(path, nobody, nobody)
	})
	if err = errors.Join(err, os.Chmod(filepath.Dir(dir), 0o755), os.Chmod(record, 0o644)); err != nil {
		t.Fatal(err)
	}
	if err := childCommand(t, "another's record", dir, id).Run(); err != nil {
		t.Error(err)
	}
}

func childAnothersRecord(args []string) int {
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return fail(err)
		}
	}
	s, err := filestore.New(args[0], filestore.Options{})
	if err != nil {
		return fail(err)
	}
	for range 3 { // the first one opens the folder
		if r, err := s.Load(context.Background(), args[1]); err != nil || string(r.Data) != "x" {
			return fail(fmt.Errorf("Load: %q, %w", r.Data, err))
		}
	}
	return 0
}

func goroutines() uint64 {
	sample := []metrics.Sample{{Name: "/sched/goroutines-created:goroutines"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}

// tellsWhatIsCached reports whether this system and the file's file system can.
func tellsWhatIsCached(t *testing.T, path string) bool {
	t.Helper()
	f, err := unix.Openat2(unix.AT_FDCWD, path, &unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: 0x20})
	if err != nil {
		return false
	}
	defer func() { _ = unix.Close(f) }() // nothing was written
	var info unix.Statfs_t
	if err := unix.Fstatfs(f, &info); err != nil {
		t.Fatal(err)
	}
	_, err = unix.Preadv2(f, [][]byte{make([]byte, 1)}, 0, unix.RWF_NOWAIT)
	if err == nil {
		err = unix.Cachestat(uint(f), &unix.CachestatRange{Len: 1}, new(unix.Cachestat_t), 0)
	}
	local := []uint32{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC}
	return err == nil && slices.Contains(local, uint32(info.Type))
}

// forgetContent has the kernel forget what a file that is on the disk holds.
func forgetContent(t *testing.T, path string) {
	t.Helper()
	f, err := os.Open(path)
	if err == nil {
		err = unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
