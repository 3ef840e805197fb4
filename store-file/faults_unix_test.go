//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package filestore_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
)

func init() { //nolint:gochecknoinits // registers what TestMain runs
	children["umask"] = childUmask
	children["descriptors"] = childDescriptors
	children["few descriptors"] = childFewDescriptors
	children["no access"] = childNoAccess
	children["hold"] = childHold
}

func TestModesAreExactWhateverTheUmask(t *testing.T) {
	t.Parallel()
	for _, umask := range []string{"0000", "0077", "0777"} {
		for _, mode := range []fs.FileMode{0o600, 0o640, 0o660} {
			t.Run(umask+"/"+mode.String(), func(t *testing.T) {
				t.Parallel()
				dir := folder(t)
				cmd := childCommand(t, "umask", dir, umask, fmt.Sprintf("%o", mode))
				if err := cmd.Run(); err != nil {
					t.Fatal(err)
				}
				wantModes(t, dir, mode)
			})
		}
	}
}

// childUmask makes dir a store and writes all kinds of files to it.
func childUmask(args []string) int {
	var umask int
	var mode fs.FileMode
	if _, err := fmt.Sscanf(args[1]+" "+args[2], "%o %o", &umask, &mode); err != nil {
		return fail(err)
	}
	syscall.Umask(umask)
	s, err := filestore.New(args[0], filestore.Options{FileMode: mode})
	if err == nil {
		err = s.Create(context.Background(), newID(), newRecord("x", "ada"))
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

func wantModes(t *testing.T, dir string, mode fs.FileMode) {
	t.Helper()
	var kinds int
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		want := mode
		if e.IsDir() {
			want |= mode & 0o444 >> 2
		}
		if got := info.Mode().Perm(); got != want {
			t.Errorf("%s has mode %v, want %v", path, got, want)
		}
		if name := e.Name(); name == "FORMAT" || name == "lock" || len(name) > sessionstore.IDLen {
			kinds++
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if kinds != 1+256+2 { // FORMAT, locks, a record and its marker
		t.Errorf("%d files, want 259", kinds)
	}
}

// A record's file in another shard, as a restored backup may have it, must not lead
// Prune to the record itself, whose lock it hasn't got.
func TestPruneLeavesWhatAnotherWriterHasLocked(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	early, late := idIn(1), idIn(255)
	createDead(t, s, early, "")
	createDead(t, s, late, "")
	path, first := recordPath(t, dir, late), recordPath(t, dir, early)
	writeFile(t, filepath.Join(dir, "00", filepath.Base(path)), nil)

	lock, err := os.Open(filepath.Join(filepath.Dir(path), "lock"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = lock.Close() }() // nothing was written
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	pruned := make(chan error, 1)
	go func() {
		_, err := s.Prune(ctx)
		pruned <- err
	}()
	for exists(t, first) {
		time.Sleep(time.Millisecond) //nolint:forbidigo // another goroutine removes a file
	}
	if !exists(t, path) {
		t.Error("Prune has removed a record that another writer had locked")
	}
	cancel()
	wantError(t, "Prune", <-pruned, context.Canceled)
}

func TestWhatIsNoFileInARecordsPlaceIsDamage(t *testing.T) {
	t.Parallel()
	for name, replace := range map[string]func(path, other string) error{
		"link within the folder":    func(path, other string) error { return os.Symlink("../"+other, path) },
		"link to the whole record":  func(path, _ string) error { return os.Symlink("copy", path) },
		"link out of the folder":    func(path, _ string) error { return os.Symlink("/etc/passwd", path) },
		"link to nowhere":           func(path, _ string) error { return os.Symlink("nowhere", path) },
		"link to itself":            func(path, _ string) error { return os.Symlink(filepath.Base(path), path) },
		"named pipe":                func(path, _ string) error { return syscall.Mkfifo(path, 0o600) },
		"socket":                    func(path, _ string) error { return socket(path) },
		"folder":                    func(path, _ string) error { return os.Mkdir(path, 0o700) },
		"link to a device of zeros": func(path, _ string) error { return os.Symlink("/dev/zero", path) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := folder(t)
			s := open(t, dir)
			id, _ := create(t, s, "x", "")
			otherID, otherRecord := create(t, s, "other", "")
			path := recordPath(t, dir, id)
			other, err := filepath.Rel(dir, recordPath(t, dir, otherID))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Rename(path, filepath.Dir(path)+"/copy"); err != nil {
				t.Fatal(err)
			}
			if err := replace(path, other); err != nil {
				t.Fatal(err)
			}
			wantCorrupt(t, s, dir, id)
			wantRecord(t, s, otherID, otherRecord)
		})
	}
}

func TestRunningOutOfDescriptorsIsNotNotFound(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	id, _ := create(t, open(t, dir), "x", "ada")
	if err := childCommand(t, "descriptors", dir, id).Run(); err != nil {
		t.Error(err)
	}
}

// childDescriptors calls every method with no descriptor left, then with enough.
func childDescriptors(args []string) int {
	dir, id := args[0], args[1]
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		return fail(err)
	}
	limit := syscall.Rlimit{Cur: 40, Max: 40}
	if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		return fail(err)
	}
	var hoard []*os.File
	for {
		f, err := os.Open(os.DevNull)
		if err != nil {
			break
		}
		hoard = append(hoard, f)
	}
	return during(s, id, syscall.EMFILE, func() error {
		for _, f := range hoard {
			_ = f.Close() // only opened to be closed
		}
		return nil
	})
}

// TestFewDescriptorsAreRefused has a process that may not open as many files as the store
// holds: once it had them all, nothing else could be opened.
func TestFewDescriptorsAreRefused(t *testing.T) {
	t.Parallel()
	if err := childCommand(t, "few descriptors", folder(t)).Run(); err != nil {
		t.Error(err)
	}
}

func childFewDescriptors(args []string) (failures int) {
	for _, c := range []struct {
		limit   syscall.Rlimit
		refused bool
	}{{syscall.Rlimit{Cur: 600, Max: 600}, false}, {syscall.Rlimit{Cur: 256, Max: 600}, true}} {
		if err := syscall.Setrlimit(syscall.RLIMIT_NOFILE, &c.limit); err != nil {
			return fail(err)
		}
		s, err := filestore.New(args[0], filestore.Options{})
		if err == nil {
			_ = s.Close() // nothing was written
		}
		if (err != nil) != c.refused || err != nil && !strings.Contains(err.Error(), "ulimit -n") {
			failures += fail(fmt.Errorf("New with %d descriptors gives error %w", c.limit.Cur, err))
		}
	}
	return failures
}

// socket makes one. Its name is short at first, as the system demands.
func socket(path string) error {
	dir, err := os.MkdirTemp("", "s")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }() // tidying
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: dir + "/s", Net: "unix"})
	if err != nil {
		return err
	}
	l.SetUnlinkOnClose(false)
	return errors.Join(os.Rename(dir+"/s", path), l.Close())
}

// during calls every method while the system refuses with errno, then Load when that is over.
func during(s *filestore.Store, id string, errno syscall.Errno, end func() error) (failures int) {
	check := func(name string, err error) {
		if !strings.HasPrefix(fmt.Sprint(err), "filestore: ") || !isErrno(err, errno) {
			failures += fail(fmt.Errorf("%s: error is %w, want %w", name, err, errno))
		}
	}
	ctx := context.Background()
	for name, call := range calls {
		check(name, call(ctx, s, id))
	}
	for name, call := range callsOnAll {
		check(name, call(ctx, s))
	}
	if err := end(); err != nil {
		return fail(err)
	}
	if r, err := s.Load(ctx, id); err != nil || string(r.Data) != "x" {
		failures += fail(fmt.Errorf("afterwards: %q, %w", r.Data, err))
	}
	return failures
}

func TestAFolderWithoutAccessIsNotNotFound(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	if os.Getuid() == 0 { // the child is somebody else
		if err := errors.Join(os.Chmod(filepath.Dir(dir), 0o755), os.Chown(dir, nobody, nobody)); err != nil {
			t.Fatal(err)
		}
	}
	if err := childCommand(t, "no access", dir).Run(); err != nil {
		t.Error(err)
	}
}

const nobody = 65534

// childNoAccess calls every method while the store's folders are closed to it, then when
// they are open. Nothing is closed to root.
func childNoAccess(args []string) int {
	dir, id := args[0], newID()
	if os.Getuid() == 0 {
		if err := errors.Join(syscall.Setgid(nobody), syscall.Setuid(nobody)); err != nil {
			return fail(err)
		}
	}
	s, err := filestore.New(dir, filestore.Options{})
	if err == nil {
		err = s.Create(context.Background(), id, newRecord("x", "ada"))
	}
	if err != nil {
		return fail(err)
	}
	chmod := func(mode fs.FileMode) (err error) {
		folders, err := filepath.Glob(dir + "/*")
		for _, name := range folders {
			if filepath.Base(name) != "FORMAT" {
				err = errors.Join(err, os.Chmod(name, mode))
			}
		}
		return err
	}
	if err := chmod(0); err != nil {
		return fail(err)
	}
	return during(s, id, syscall.EACCES, func() error { return chmod(0o700) })
}

func TestALockHeldElsewhereIsWaitedForNoLongerThanTheContextAllows(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "ada")
	release := hold(t, filepath.Dir(recordPath(t, dir, id))+"/lock")

	wantRecord(t, s, id, r) // readers don't wait
	for _, name := range []string{"Create", "Update", "Touch", "Delete"} {
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		wantError(t, name, calls[name](ctx, s, id), context.DeadlineExceeded)
		cancel()
	}
	wantRecord(t, s, id, r)
	release()
	if err := s.Delete(t.Context(), id); err != nil {
		t.Error(err)
	}
}

// hold locks a file in another process until the function it returns is called.
func hold(t *testing.T, path string) (release func()) {
	t.Helper()
	cmd := childCommand(t, "hold", path)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(out).ReadBytes('\n'); !bytes.Equal(line, []byte("locked\n")) {
		t.Fatalf("child said %q, %v", line, err)
	}
	return func() {
		_ = in.Close() // Wait reports what matters
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}
}

func childHold(args []string) int {
	f, err := os.OpenFile(args[0], os.O_RDWR, 0)
	if err == nil {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX)
	}
	if err != nil {
		return fail(err)
	}
	fmt.Println("locked")
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func isErrno(err error, want syscall.Errno) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) && errno == want
}
