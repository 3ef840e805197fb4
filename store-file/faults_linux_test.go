package filestore_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

// smallDisk mounts a file system in memory on a new folder.
func smallDisk(t *testing.T, options string) string {
	t.Helper()
	dir := folder(t)
	if err := syscall.Mount("none", dir, "tmpfs", 0, "mode=0700,"+options); err != nil {
		t.Skipf("mounting needs root: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil && !errors.Is(err, syscall.EINVAL) {
			t.Error(err)
		}
	})
	return dir
}

// The setgid bit is what makes files belong to the folder's group, whoever writes
// them. chmod(2) takes it away unless it is told not to.
func TestAFolderThatIsSharedStaysSo(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if err := os.Chmod(dir, 0o770|fs.ModeSetgid); err != nil {
		t.Fatal(err)
	}
	for range 2 { // made, and found
		if err := childCommand(t, "umask", dir, "0077", "660").Run(); err != nil {
			t.Fatal(err)
		}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.IsDir() {
				return err
			}
			info, err := e.Info()
			if err == nil && info.Mode() != fs.ModeDir|fs.ModeSetgid|0o770 {
				t.Errorf("%s has mode %v", path, info.Mode())
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAFullDiskLosesNothingAndStillLogsOut(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]string{"no space": "size=1m", "no inodes": "nr_inodes=900"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := smallDisk(t, options)
			s := open(t, dir)
			records := make(map[string]sessionstore.Record)
			var err error
			for range 1000 {
				id, r := newID(), newRecord(strings.Repeat("x", 10_000), "ada")
				if err = s.Create(t.Context(), id, r); err != nil {
					break
				}
				records[id] = r
			}
			if !isErrno(err, syscall.ENOSPC) || !strings.HasPrefix(err.Error(), "filestore: ") {
				t.Fatalf("Create on a full disk: %v", err)
			}
			if temps, markers := files(t, dir, isTemp), files(t, dir, isMarker); len(temps) > 0 || len(markers) != len(records) {
				t.Errorf("left behind: %v, and %d markers of %d records", temps, len(markers), len(records))
			}
			fill(t, dir)
			for id, r := range records {
				if err := s.Update(t.Context(), id, r.Version, newRecord(strings.Repeat("y", 20_000), "")); !isErrno(err, syscall.ENOSPC) {
					t.Errorf("Update on a full disk: %v", err)
				}
				wantRecord(t, s, id, r)
			}
			for id := range records {
				if err := s.Delete(t.Context(), id); err != nil {
					t.Errorf("Delete on a full disk: %v", err)
				}
			}
			create(t, s, "x", "ada")
		})
	}
}

// fill takes what room is left.
func fill(t *testing.T, dir string) {
	t.Helper()
	for i := range 1000 {
		if err := os.WriteFile(fmt.Sprintf("%s/00/filler-%d", dir, i), []byte("x"), 0o600); err != nil {
			return
		}
	}
	t.Fatal("the disk is never full")
}

func TestNewRefusesAFolderThatIsNotWritable(t *testing.T) {
	t.Parallel()
	for _, used := range []bool{false, true} {
		t.Run(fmt.Sprintf("used before: %v", used), func(t *testing.T) {
			t.Parallel()
			dir := smallDisk(t, "")
			if used {
				s, err := filestore.New(dir, filestore.Options{})
				if err = errors.Join(err, s.Close()); err != nil {
					t.Fatal(err)
				}
			}
			if err := syscall.Mount("none", dir, "", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
				t.Fatal(err)
			}
			_, err := filestore.New(dir, filestore.Options{})
			if !isErrno(err, syscall.EROFS) || !strings.Contains(err.Error(), "is not writable") {
				t.Errorf("New: %v", err)
			}
		})
	}
}

func TestAnUnmountedFolderIsNotAnEmptyStore(t *testing.T) {
	t.Parallel()
	dir := smallDisk(t, "")
	s := open(t, dir)
	if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
		t.Fatal(err)
	}
	wantOutage(t, s, newID(), nil)
}

// A lease on the lock file makes the system call that opens it wait, as a disk
// that stalls does.
func TestADiskThatStallsDoesNotStallTheCaller(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "")
	f, err := os.OpenFile(filepath.Dir(recordPath(t, dir, id))+"/lock", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	lease := func(kind int) {
		if _, _, errno := syscall.Syscall(syscall.SYS_FCNTL, f.Fd(), syscall.F_SETLEASE, uintptr(kind)); errno != 0 {
			t.Skipf("no leases here: %v", errno)
		}
	}
	lease(syscall.F_WRLCK)
	for _, name := range []string{"Create", "Update", "Touch", "Delete"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		wantError(t, name, calls[name](ctx, s, id), context.DeadlineExceeded)
		cancel()
	}
	wantRecord(t, s, id, r)
	lease(syscall.F_UNLCK)
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Touch(t.Context(), id, r.Version, r.Expires); err != nil {
		t.Error(err)
	}
}

// It measures what the whole process reads, so no other test may run meanwhile.
func TestPruneReadsNoData(t *testing.T) { //nolint:paralleltest // see above
	const records, size = 50, 1 << 20
	const headers = records * sessionstore.RecordHeaderLen
	dir := folder(t)
	s := open(t, dir)
	for range records {
		create(t, s, strings.Repeat("x", size), "ada")
	}
	read := func() int {
		before := counted(t, "self", "rchar")
		if n, err := s.Prune(t.Context()); n != 0 || err != nil {
			t.Fatalf("Prune: %d, %v", n, err)
		}
		return counted(t, "self", "rchar") - before
	}
	if n := read(); n > headers/2 {
		t.Errorf("read %d bytes of %d records whose time is to come", n, records)
	}
	for _, name := range files(t, dir, func(name string) bool { return len(filepath.Base(name)) > sessionstore.IDLen }) {
		if err := os.Chtimes(filepath.Join(dir, name), time.Time{}, time.Now()); err != nil { // as a copy has it
			t.Fatal(err)
		}
	}
	if n := read(); n < headers || n > 2*headers {
		t.Errorf("read %d bytes of %d records, want the headers, of %d bytes each", n, records, sessionstore.RecordHeaderLen)
	}
}

// counted returns how many bytes a process or a thread has got from read calls so far, which is
// rchar, or from the disk, which is read_bytes.
func counted(t *testing.T, of, what string) int {
	t.Helper()
	f, err := os.Open("/proc/" + of + "/io")
	if err != nil {
		t.Skipf("the kernel doesn't count: %v", err)
	}
	defer func() { _ = f.Close() }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var n int
		if _, err := fmt.Sscanf(lines.Text(), what+": %d", &n); err == nil {
			return n
		}
	}
	t.Fatal("no " + what)
	return 0
}
