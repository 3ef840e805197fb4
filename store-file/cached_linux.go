package filestore

import (
	"os"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// A cachedReader reads files that the kernel has in memory. It gives up where it would have
// to wait for a disk, so that Load needs no other goroutine for it. What could wait:
//
//   - A lookup of a name. openat2(2) fails with RESOLVE_CACHED if memory doesn't have the answer.
//   - Reading. preadv2(2) with RWF_NOWAIT doesn't wait for data. But it asks the disk to
//     get what is missing, and has to wait if the disk's queue is full. So cachestat(2) is
//     asked first whether anything is missing. Between the two, the kernel may take the memory
//     away; then it is about to take this program's code as well.
//   - The time of the last access, which a file system may have to write down: O_NOATIME. A
//     record's time of change is to come, so that relatime would have it written by each read.
//   - An access list that is not in memory, which is looked at for files with rights for a
//     group: those have no cachedReader. They may also be another user's, which rules
//     O_NOATIME out.
//   - A lease or a FIFO: O_NONBLOCK.
//   - Closing a file that was replaced meanwhile, which frees its blocks. Files are left open
//     until a call comes that may wait.
//
// A program that the kernel asks before it opens any file, as one that looks for viruses,
// may make it wait all the same.
type cachedReader struct {
	dir  *os.File // the store's folder
	conn syscall.RawConn

	mu     sync.Mutex
	left   []int // files that have been read and not been closed
	closed bool
}

const (
	mostLeft = 16

	// resolveCached is RESOLVE_CACHED, which package unix doesn't have.
	resolveCached = 0x20
)

// openCached returns nil if files can't be read without waiting: by this kernel or this file
// system, or because the process isn't allowed to. It finds out by reading FORMAT, which
// has just been read.
func openCached(root *os.Root, o Options) *cachedReader {
	if o.FileMode != defaultFileMode {
		return nil
	}
	dir, err := root.Open(".")
	if err != nil {
		return nil
	}
	conn, err := dir.SyscallConn()
	if err == nil {
		c := &cachedReader{dir: dir, conn: conn}
		b, ok := c.read(formatName)
		c.closeLeft()
		if ok && string(b) == format && c.trusted() {
			return c
		}
	}
	_ = dir.Close() // nothing was written
	return nil
}

// trusted reports whether the folder is on a file system that keeps those promises. Opening a
// file by overlayfs opens another one, anywhere; by FUSE or on a network, it asks somebody
// else; of an encrypted folder, it may read the file's key.
func (c *cachedReader) trusted() bool {
	var fs unix.Statfs_t
	var folder unix.Statx_t
	var err error
	controlled := c.conn.Control(func(dir uintptr) {
		if err = unix.Fstatfs(int(dir), &fs); err == nil {
			err = unix.Statx(int(dir), "", unix.AT_EMPTY_PATH, 0, &folder)
		}
	})
	if controlled != nil || err != nil || folder.Attributes&unix.STATX_ATTR_ENCRYPTED != 0 {
		return false
	}
	switch uint32(fs.Type) { //nolint:gosec // signed on some systems
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC: // ext2 and ext3 have ext4's
		return true
	}
	return false
}

// read returns the content of a file in the folder, by its path from there. Whatever is
// wrong, it says no more than that: then the file is read as everywhere else.
func (c *cachedReader) read(path string) ([]byte, bool) {
	if c == nil || c.full() {
		return nil, false
	}
	fd, ok := c.open(path)
	if !ok {
		return nil, false
	}
	b, ok := readCached(fd)
	c.leave(fd)
	return b, ok
}

func (c *cachedReader) open(path string) (fd int, ok bool) {
	how := unix.OpenHow{
		Flags:   unix.O_RDONLY | unix.O_NONBLOCK | unix.O_NOATIME | unix.O_NOCTTY | unix.O_CLOEXEC,
		Resolve: resolveCached | unix.RESOLVE_NO_SYMLINKS | unix.RESOLVE_NO_XDEV,
	}
	var err error
	controlled := c.conn.Control(func(dir uintptr) { fd, err = unix.Openat2(int(dir), path, &how) })
	return fd, controlled == nil && err == nil
}

// readCached returns the content of a regular file if it is in memory as a whole.
func readCached(fd int) ([]byte, bool) {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil || info.Mode&unix.S_IFMT != unix.S_IFREG || info.Size > largestFile {
		return nil, false
	}
	size := uint64(info.Size) //nolint:gosec // never negative
	var cache unix.Cachestat_t
	err := unix.Cachestat(uint(fd), &unix.CachestatRange{Len: size}, &cache, 0) //nolint:gosec // never negative
	if err != nil || cache.Cache*uint64(os.Getpagesize()) < size {              //nolint:gosec // never negative
		return nil, false
	}
	b := make([]byte, size)
	n, err := unix.Preadv2(fd, [][]byte{b}, 0, unix.RWF_NOWAIT)
	return b, err == nil && n == len(b)
}

func (c *cachedReader) full() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.left) >= mostLeft
}

// leave leaves a file to closeLeft. If there are enough already, because several calls
// have found the last place free, nobody waits for them either.
func (c *cachedReader) leave(fd int) {
	c.mu.Lock()
	c.left = append(c.left, fd)
	enough := c.closed || len(c.left) > mostLeft
	c.mu.Unlock()
	if enough {
		go c.closeLeft()
	}
}

// closeLeft closes the files that have been read. It may wait for the disk.
func (c *cachedReader) closeLeft() {
	if c == nil {
		return
	}
	c.mu.Lock()
	left := c.left
	c.left = nil
	c.mu.Unlock()
	for _, fd := range left {
		_ = unix.Close(fd) // nothing was written
	}
}

func (c *cachedReader) close() error {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.closeLeft()
	return c.dir.Close() //nolint:wrapcheck // Close does it
}
