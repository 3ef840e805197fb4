package filestore

import (
	"errors"
	"os"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"
)

// shardDescriptors is how many a shard holds.
const shardDescriptors = 2

// A shard is the folder of some records, held open by two descriptors: os.Root keeps its own
// to itself.
type shard struct {
	*os.Root

	folder *os.File
	fd     syscall.RawConn // of folder

	waits atomic.Bool // readNow is of no use
}

func openShard(root *os.Root) (*shard, error) {
	folder, err := root.Open(".")
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	fd, err := folder.SyscallConn()
	if err != nil {
		return nil, errors.Join(err, folder.Close(), root.Close())
	}
	d := &shard{Root: root, folder: folder, fd: fd}
	if controlled := fd.Control(func(folder uintptr) { d.waits.Store(!inMemory(int(folder))) }); controlled != nil {
		return nil, errors.Join(controlled, d.Close())
	}
	return d, nil
}

// Close closes both.
func (d *shard) Close() error { return errors.Join(d.folder.Close(), d.Root.Close()) }

// read returns what a file begins with, most bytes of it. It follows no link. It makes four
// system calls. With os.Root and os.File it takes six, and a third longer: they also look
// whether the name is a link, and whether the file can be polled.
func (d *shard) read(name string, most int64) (b []byte, err error) {
	var f int
	controlled := d.fd.Control(func(folder uintptr) {
		f, err = uninterrupted(func() (int, error) { return unix.Openat(int(folder), name, readFlags, 0) })
	})
	switch {
	case controlled != nil: // the folder is closed
		return nil, controlled //nolint:wrapcheck // contents does it
	case errors.Is(err, unix.ELOOP), errors.Is(err, unix.ENXIO): // a link, a socket
		return nil, errNotRegular
	case err != nil:
		return nil, &os.PathError{Op: "openat", Path: name, Err: err}
	}
	defer func() { _ = unix.Close(f) }() // nothing was written

	var info unix.Stat_t
	if _, err := uninterrupted(func() (int, error) { return 0, unix.Fstat(f, &info) }); err != nil {
		return nil, &os.PathError{Op: "stat", Path: name, Err: err}
	}
	if err := checkFile(info.Mode&unix.S_IFMT == unix.S_IFREG, info.Size); err != nil {
		return nil, err
	}
	b = make([]byte, min(info.Size, most))
	for rest := b; len(rest) > 0; {
		n, err := uninterrupted(func() (int, error) { return unix.Read(f, rest) })
		switch {
		case err != nil:
			return nil, &os.PathError{Op: "read", Path: name, Err: err}
		case n == 0:
			return nil, errCutShort
		}
		rest = rest[n:]
	}
	return b, nil
}

const readFlags = unix.O_RDONLY | unix.O_NOFOLLOW | unix.O_CLOEXEC | openFlag

// uninterrupted makes a system call again as long as a signal interrupts it.
func uninterrupted(call func() (int, error)) (int, error) {
	for {
		n, err := call()
		if !errors.Is(err, unix.EINTR) {
			return n, err
		}
	}
}

// readNow returns a file's content if the kernel has all of it in memory, its name included:
// nothing here waits for a disk, so that nobody has to wait beside it. It is not ok where
// anything else is the case, and then says nothing about the file.
func (d *shard) readNow(name string) (b []byte, ok bool) {
	if d.waits.Load() {
		return nil, false
	}
	f, err := -1, error(nil)
	controlled := d.fd.Control(func(folder uintptr) {
		f, err = unix.Openat2(int(folder), name, &unix.OpenHow{
			// To note when a file was read may take a disk, and only its owner can do without.
			Flags:   readFlags | unix.O_NOATIME,
			Resolve: resolveCached,
		})
	})
	if controlled != nil || d.without(err) {
		return nil, false
	}
	var before, after unix.Stat_t
	if unix.Fstat(f, &before) == nil && checkFile(before.Mode&unix.S_IFMT == unix.S_IFREG, before.Size) == nil {
		b, ok = d.cached(f, before.Size)
	}
	// Who closes last a file that was replaced frees its blocks, which may take a disk. What is
	// left is a file that is replaced just now, between these two calls.
	if err := unix.Fstat(f, &after); err != nil || after.Nlink == 0 {
		go func() { _ = unix.Close(f) }() // nothing was written
	} else {
		_ = unix.Close(f)
	}
	return b, ok
}

// cached returns the content of a file, which has this size, if all of it is in memory. To try to
// read what is not is no way to find out: Linux then begins to read it, and waits where the disk
// takes no more requests, or for what says where on the disk it is.
func (d *shard) cached(f int, size int64) (b []byte, ok bool) {
	var is unix.Cachestat_t
	length, page := uint64(size), uint64(os.Getpagesize()) //nolint:gosec // neither is negative
	err := unix.Cachestat(uint(f), &unix.CachestatRange{Len: length}, &is, 0)
	if d.without(err) || is.Cache < (length+page-1)/page {
		return nil, false
	}
	b = make([]byte, size)
	n, err := unix.Preadv2(f, [][]byte{b}, 0, unix.RWF_NOWAIT) // it may be on its way from the disk
	return b, !d.without(err) && n == len(b)
}

// resolveCached is RESOLVE_CACHED of openat2(2): fail rather than wait for a name.
const resolveCached = 0x20

// without reports whether readNow has to do without an answer, and notes if that will stay so:
// the kernel or a filter of its calls doesn't know how, the file system doesn't, or files are
// another user's.
func (d *shard) without(err error) bool {
	switch {
	case err == nil:
		return false
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EINVAL), errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EPERM):
		d.waits.Store(true)
	}
	return true
}

// inMemory reports whether a folder's file system is one that opens, looks at and closes a
// file without asking anybody if it knows the file. One on a network asks its server.
func inMemory(folder int) bool {
	var info unix.Statfs_t
	if err := unix.Fstatfs(folder, &info); err != nil {
		return false
	}
	switch uint32(info.Type) { //nolint:gosec // its type is the architecture's; all are of 32 bits
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC:
		return true
	default:
		return false
	}
}
