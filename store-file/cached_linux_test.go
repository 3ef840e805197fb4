package filestore_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	"golang.org/x/sys/unix"
)

func init() { //nolint:gochecknoinits // registers what TestMain runs
	children["refused"] = childRefused
	children["not in memory"] = childNotInMemory
	children["left open"] = childLeftOpen
}

// A watchedContext knows whether somebody has waited for it, as a call does that is handed
// to another goroutine.
type watchedContext struct {
	context.Context //nolint:containedctx // it is one

	waitedFor bool
}

func (c *watchedContext) Done() <-chan struct{} {
	c.waitedFor = true
	return c.Context.Done()
}

// load loads a record, and reports whether that was handed to another goroutine.
func load(s *filestore.Store, id string) (r sessionstore.Record, handed bool, err error) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	watched := &watchedContext{Context: ctx}
	r, err = s.Load(watched, id)
	return r, watched.waitedFor, err
}

// readsDirectly tries until the record has been read n times without another goroutine:
// now and then, the kernel has reasons of its own to refuse.
func readsDirectly(s *filestore.Store, id, data string, n int) error {
	for range 100 * n {
		r, handed, err := load(s, id)
		if err != nil || string(r.Data) != data {
			return fmt.Errorf("Load: %.20q, %w", r.Data, err)
		}
		if !handed {
			n--
		}
		if n == 0 {
			return nil
		}
	}
	return fmt.Errorf("%d calls are missing", n)
}

// neverReadsDirectly loads a record several times, and wants each call handed on.
func neverReadsDirectly(s *filestore.Store, id, data string) error {
	for range 10 {
		if r, handed, err := load(s, id); err != nil || string(r.Data) != data || !handed {
			return fmt.Errorf("Load: %.20q, handed on: %v, %w", r.Data, handed, err)
		}
	}
	return nil
}

// tellsBeforehand reports whether the system and the file system of dir can tell whether a read would wait.
func tellsBeforehand(t *testing.T, dir string) bool {
	t.Helper()
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		t.Fatal(err)
	}
	var cache unix.Cachestat_t
	_, err := unix.Openat2(unix.AT_FDCWD, dir, &unix.OpenHow{Flags: unix.O_CLOEXEC, Resolve: 0x20 | 0xff00})
	known := err != nil && errors.Is(err, unix.EINVAL) && !errors.Is(unix.Cachestat(0, &unix.CachestatRange{}, &cache, 0), unix.ENOSYS)
	return known && slices.Contains([]int64{unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC}, int64(fs.Type))
}

func TestARecordInMemoryIsReadWithoutAnotherGoroutine(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	for _, size := range []int{0, 1, 300, 64 << 10, 2 << 20} {
		s := open(t, dir)
		data := strings.Repeat("x", size)
		id, r := create(t, s, data, "ada")
		check := func(s *filestore.Store) {
			if !tellsBeforehand(t, dir) {
				if err := neverReadsDirectly(s, id, data); err != nil {
					t.Errorf("%d bytes: %v", size, err)
				}
				return
			}
			if err := readsDirectly(s, id, data, 100); err != nil {
				t.Errorf("%d bytes: %v", size, err)
			}
		}
		check(s)
		check(open(t, dir)) // by a store that has opened no shard
		wantRecord(t, s, id, r)
	}
}

// The store that shares a folder with a group hands over: see cachedReader.
func TestASharedFolderIsReadByAnotherGoroutine(t *testing.T) {
	t.Parallel()
	s, err := filestore.New(folder(t), filestore.Options{FileMode: 0o660})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	id, _ := create(t, s, "x", "")
	if err := neverReadsDirectly(s, id, "x"); err != nil {
		t.Error(err)
	}
}

func TestAnotherFileSystemIsReadByAnotherGoroutine(t *testing.T) {
	t.Parallel()
	for _, kind := range []string{"tmpfs", "overlay"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			dir, lower, upper, work := folder(t), folder(t), folder(t), folder(t)
			options := "mode=0700"
			if kind == "overlay" {
				options = fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
			}
			if err := unix.Mount("none", dir, kind, 0, options); err != nil {
				t.Skipf("mounting needs root: %v", err)
			}
			t.Cleanup(func() {
				if err := unix.Unmount(dir, unix.MNT_DETACH); err != nil {
					t.Error(err)
				}
			})
			s := open(t, dir)
			id, _ := create(t, s, "x", "")
			if err := neverReadsDirectly(s, id, "x"); err != nil {
				t.Error(err)
			}
		})
	}
}

// Each read would be followed by a write otherwise, which may wait for the disk.
func TestAReadWithoutAnotherGoroutineChangesNoTime(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s := open(t, dir)
	id, r := create(t, s, "x", "")
	path := recordPath(t, dir, id)
	long := time.Now().Add(-time.Hour).Truncate(time.Second)
	for range 100 {
		if err := os.Chtimes(path, long, r.Expires); err != nil {
			t.Fatal(err)
		}
		_, handed, err := load(s, id)
		if err != nil {
			t.Fatal(err)
		}
		var info unix.Stat_t
		if err := unix.Lstat(path, &info); err != nil {
			t.Fatal(err)
		}
		if at := time.Unix(info.Atim.Unix()); !handed && !at.Equal(long) {
			t.Fatalf("the time of the last access is %v", at)
		}
	}
}

func TestASystemThatDoesNotTellIsReadByAnotherGoroutine(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]uint32{"openat2": unix.SYS_OPENAT2, "cachestat": unix.SYS_CACHESTAT, "preadv2": unix.SYS_PREADV2} {
		for _, errno := range []syscall.Errno{unix.ENOSYS, unix.EPERM, unix.EINVAL, unix.EOPNOTSUPP, unix.EAGAIN, unix.EINTR} {
			for _, when := range []string{"at New", "later"} {
				t.Run(fmt.Sprintf("%s/%d/%s", name, errno, when), func(t *testing.T) {
					t.Parallel()
					args := []string{folder(t), strconv.Itoa(int(call)), strconv.Itoa(int(errno)), when}
					if err := childCommand(t, "refused", args...).Run(); err != nil {
						t.Error(err)
					}
				})
			}
		}
	}
}

// childRefused has the system refuse a call from the start, or when the store is open.
func childRefused(args []string) int {
	var call, errno uint32
	if _, err := fmt.Sscan(args[1]+" "+args[2], &call, &errno); err != nil {
		return fail(err)
	}
	refuseFrom := func(when string) error {
		if args[3] != when {
			return nil
		}
		return refuse(call, unix.SECCOMP_RET_ERRNO|errno)
	}
	if err := refuseFrom("at New"); err != nil {
		return fail(err)
	}
	s, err := filestore.New(args[0], filestore.Options{})
	if err != nil {
		return fail(err)
	}
	id := newID()
	err = errors.Join(refuseFrom("later"), s.Create(context.Background(), id, newRecord("x", "")))
	if err == nil {
		err = errors.Join(neverReadsDirectly(s, id, "x"), s.Close())
	}
	if err != nil {
		return fail(err)
	}
	return 0
}

// refuse has the system answer a call otherwise from now on, in the whole process.
func refuse(call, action uint32) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS}, // the call's number
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, Jf: 1, K: call},
		{Code: unix.BPF_RET | unix.BPF_K, K: action},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	runtime.LockOSThread() // seccomp(2) gives its filter, and this, to all other threads
	defer runtime.UnlockOSThread()
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("give up privileges: %w", err)
	}
	_, _, errno := syscall.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC,
		uintptr(unsafe.Pointer(&program)))
	if errno != 0 {
		return fmt.Errorf("filter calls: %w", errno)
	}
	return nil
}

// Asking for what is missing may wait already, until the disk takes the question.
func TestNothingIsAskedOfTheDiskWithoutAnotherGoroutine(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	id, _ := create(t, open(t, dir), strings.Repeat("x", 100_000), "")
	if err := childCommand(t, "not in memory", dir, id).Run(); err != nil {
		t.Error(err)
	}
}

// childNotInMemory is killed when it asks for a record that is not in memory as a whole.
func childNotInMemory(args []string) int {
	dir, id := args[0], args[1]
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		return fail(err)
	}
	paths, err := filepath.Glob(filepath.Join(dir, "??", id+".*"))
	if err != nil || len(paths) != 1 {
		return fail(fmt.Errorf("%v, %w", paths, err))
	}
	if err := refuse(unix.SYS_PREADV2, unix.SECCOMP_RET_KILL_PROCESS); err != nil {
		return fail(err)
	}
	for _, from := range []int64{0, 1 << 16} {
		if err := forget(paths[0], from); err != nil {
			return fail(err)
		}
		if r, _, err := load(s, id); err != nil || len(r.Data) != 100_000 {
			return fail(fmt.Errorf("Load: %d bytes, %w", len(r.Data), err))
		}
	}
	return 0
}

// forget takes a file out of the system's memory from an offset on.
func forget(path string, from int64) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return errors.Join(f.Sync(), unix.Fadvise(int(f.Fd()), from, 0, unix.FADV_DONTNEED))
}

func TestFewFilesAreLeftOpen(t *testing.T) {
	t.Parallel()
	if err := childCommand(t, "left open", folder(t)).Run(); err != nil {
		t.Error(err)
	}
}

func childLeftOpen(args []string) int {
	before := len(openFiles())
	s, err := filestore.New(args[0], filestore.Options{})
	if err != nil {
		return fail(err)
	}
	id, r := newID(), newRecord("x", "")
	if err := s.Create(context.Background(), id, r); err != nil {
		return fail(err)
	}
	records := func() (n int) {
		for _, path := range openFiles() {
			if strings.Contains(path, id) {
				n++
			}
		}
		return n
	}
	for range 1000 {
		if _, _, err := load(s, id); err != nil || records() > 16 {
			return fail(fmt.Errorf("Load: %d files are open, %w", records(), err))
		}
	}
	if err := s.Touch(context.Background(), id, r.Version, r.Expires); err != nil || records() > 0 {
		return fail(fmt.Errorf("after a Touch: %d files are open, %w", records(), err))
	}
	for range 5 {
		_, _, err = load(s, id)
	}
	if err := errors.Join(err, s.Close()); err != nil || len(openFiles()) != before {
		return fail(fmt.Errorf("after Close: %v, %w", openFiles(), err))
	}
	return 0
}

// openFiles returns the paths of the files in folders that the process has open, and that
// of a file that is gone.
func openFiles() (paths []string) {
	fds, _ := filepath.Glob("/proc/self/fd/*")
	for _, fd := range fds {
		if path, err := os.Readlink(fd); err == nil && strings.HasPrefix(path, "/") {
			paths = append(paths, path)
		}
	}
	return paths
}

// A record that is replaced all the time is never seen in parts, nor is the descriptor of
// a store that is closed meanwhile used for something else.
func TestReadersBesideWritersAndAClose(t *testing.T) {
	t.Parallel()
	dir := folder(t)
	s, err := filestore.New(dir, filestore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	sizes := []int{10, 5000, 100_000}
	id, r := create(t, s, strings.Repeat("x", sizes[0]), "ada")
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			for {
				got, _, err := load(s, id)
				switch {
				case errors.Is(err, os.ErrClosed):
					return
				case err != nil || !slices.Contains(sizes, len(got.Data)):
					t.Errorf("Load: %d bytes, %v", len(got.Data), err)
					return
				}
			}
		})
	}
	for i := range 50 {
		next := newRecord(strings.Repeat("x", sizes[i%len(sizes)]), "ada")
		if err := s.Update(t.Context(), id, r.Version, next); err != nil {
			t.Error(err)
		}
		r = next
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	readers.Wait()
}
