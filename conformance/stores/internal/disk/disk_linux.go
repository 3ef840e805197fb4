package disk

import (
	"bytes"
	"context"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
)

// A Disk is a mounted file system, and a log of what was done to it.
type Disk struct {
	Dir string // where it is mounted

	mu  sync.Mutex
	log []entry
}

// An entry of the log is an operation that changes or flushes something.
type entry struct {
	kind kind
	node *node  // the file that is written or flushed, the folder that is changed or flushed
	name string // in the folder
	from string // the name that is renamed
	file *node  // what is under the name afterwards
	data []byte // what is written
	off  int64
}

type kind int

const (
	write  kind = iota // to a file
	flush              // of a file or a folder
	link               // a name in a folder gets a file
	unlink             // a name goes
)

// Mount mounts an empty disk, which ends with the test. The test is skipped where that
// can't be done.
func Mount(tb testing.TB) *Disk {
	tb.Helper()
	d := &Disk{Dir: tb.TempDir()}
	root := &node{disk: d, mode: syscall.S_IFDIR | 0o700}
	options := &fs.Options{MountOptions: fuse.MountOptions{DirectMount: os.Getuid() == 0, FsName: "disk", Name: "cloakroom"}}
	server, err := fs.Mount(d.Dir, root, options)
	if err != nil {
		tb.Skipf("no file system of the test's own: %v", err)
	}
	unmount := sync.OnceValue(server.Unmount)
	servers.AtEnd(func(context.Context) error { return unmount() })
	tb.Cleanup(func() {
		if err := unmount(); err != nil {
			tb.Error(err)
		}
	})
	return d
}

// Len returns how many operations there were.
func (d *Disk) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.log)
}

func (d *Disk) note(e entry) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.log = append(d.log, e)
}

// A node is a file or a folder.
type node struct {
	fs.Inode

	disk *Disk
	mu   sync.Mutex
	mode uint32
	data []byte
}

func (n *node) attr(out *fuse.Attr) {
	n.mu.Lock()
	defer n.mu.Unlock()
	out.Mode, out.Size, out.Nlink = n.mode, uint64(len(n.data)), 1
	out.Uid, out.Gid = uint32(os.Getuid()), uint32(os.Getgid()) //nolint:gosec // they are small
}

// Getattr implements [fs.NodeGetattrer].
func (n *node) Getattr(_ context.Context, _ fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	n.attr(&out.Attr)
	return 0
}

// Setattr implements [fs.NodeSetattrer]. Modes are not lost; there is nothing about sizes.
func (n *node) Setattr(_ context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	if _, ok := in.GetSize(); ok {
		return syscall.ENOTSUP
	}
	if mode, ok := in.GetMode(); ok {
		n.mu.Lock()
		n.mode = n.mode&syscall.S_IFMT | mode&^syscall.S_IFMT
		n.mu.Unlock()
	}
	n.attr(&out.Attr)
	return 0
}

// Lookup implements [fs.NodeLookuper].
func (n *node) Lookup(_ context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	child := n.GetChild(name)
	if child == nil {
		return nil, syscall.ENOENT
	}
	child.Operations().(*node).attr(&out.Attr) //nolint:errcheck,forcetypeassert // there are no others
	return child, 0
}

// Open implements [fs.NodeOpener].
func (*node) Open(context.Context, uint32) (fs.FileHandle, uint32, syscall.Errno) { return nil, 0, 0 }

// Read implements [fs.NodeReader].
func (n *node) Read(_ context.Context, _ fs.FileHandle, dest []byte, off int64) (fuse.ReadResult, syscall.Errno) {
	n.mu.Lock()
	defer n.mu.Unlock()
	from := min(off, int64(len(n.data)))
	to := min(from+int64(len(dest)), int64(len(n.data)))
	return fuse.ReadResultData(bytes.Clone(n.data[from:to])), 0
}

// Write implements [fs.NodeWriter].
func (n *node) Write(_ context.Context, _ fs.FileHandle, data []byte, off int64) (uint32, syscall.Errno) {
	data = bytes.Clone(data)
	n.disk.note(entry{kind: write, node: n, data: data, off: off})
	n.mu.Lock()
	defer n.mu.Unlock()
	n.data = put(n.data, data, off)
	return uint32(len(data)), 0 //nolint:gosec // the kernel has asked for it
}

// put returns b with data at an offset.
func put(b, data []byte, off int64) []byte {
	if missing := off + int64(len(data)) - int64(len(b)); missing > 0 {
		b = append(b, make([]byte, missing)...)
	}
	copy(b[off:], data)
	return b
}

// Fsync implements [fs.NodeFsyncer].
func (n *node) Fsync(context.Context, fs.FileHandle, uint32) syscall.Errno {
	n.disk.note(entry{kind: flush, node: n})
	return 0
}

// Create implements [fs.NodeCreater].
func (n *node) Create(
	ctx context.Context, name string, _, mode uint32, out *fuse.EntryOut,
) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	return n.add(ctx, name, syscall.S_IFREG|mode, out), nil, 0, 0
}

// Mkdir implements [fs.NodeMkdirer].
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.add(ctx, name, syscall.S_IFDIR|mode, out), 0
}

func (n *node) add(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) *fs.Inode {
	child := &node{disk: n.disk, mode: mode}
	n.disk.note(entry{kind: link, node: n, name: name, file: child})
	child.attr(&out.Attr)
	return n.NewPersistentInode(ctx, child, fs.StableAttr{Mode: mode & syscall.S_IFMT})
}

// Unlink implements [fs.NodeUnlinker].
func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	n.disk.note(entry{kind: unlink, node: n, name: name})
	return 0
}

// Rename implements [fs.NodeRenamer], within a folder.
func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, newName string, flags uint32) syscall.Errno {
	file, ok := n.GetChild(name).Operations().(*node)
	if !ok || parent.EmbeddedInode() != n.EmbeddedInode() || flags != 0 {
		return syscall.ENOTSUP
	}
	n.disk.note(entry{kind: link, node: n, name: newName, from: name, file: file})
	return 0
}

// entries returns the log so far.
func (d *Disk) entries() []entry {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.log)
}
