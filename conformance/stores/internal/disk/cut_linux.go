package disk

import (
	"bytes"
	"errors"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"syscall"
)

// A Replay goes through what was done to a disk, and shows at each point what a power cut
// may have left.
type Replay struct {
	log     []entry
	root    *node
	files   map[*node]*file
	folders map[*node]*folder
	changed map[*node]bool // folders since Settle, nil before
}

// A file is what is on the disk, and what was written.
type file struct{ safe, data []byte }

// A folder is what is on the disk, and what was done since.
type folder struct {
	safe    map[string]*node
	pending []entry
}

// Replay begins at the empty disk.
func (d *Disk) Replay() *Replay {
	return &Replay{log: d.entries(), files: make(map[*node]*file), folders: make(map[*node]*folder)}
}

// Step makes the next operation.
func (r *Replay) Step() {
	e := r.log[0]
	r.log = r.log[1:]
	if r.root == nil {
		r.root = e.node.Root().Operations().(*node) //nolint:errcheck,forcetypeassert // there are no others
	}
	isFolder := e.node.mode&syscall.S_IFMT == syscall.S_IFDIR
	switch {
	case e.kind == write:
		f := r.file(e.node)
		f.data = put(f.data, e.data, e.off)
	case e.kind == flush && isFolder:
		f := r.folder(e.node)
		for _, p := range f.pending {
			p.apply(f.safe)
		}
		f.pending = nil
	case e.kind == flush:
		f := r.file(e.node)
		f.safe = bytes.Clone(f.data)
	default:
		f := r.folder(e.node)
		f.pending = append(f.pending, e)
	}
	if r.changed != nil && isFolder {
		r.changed[e.node] = true
	}
}

// Settle writes to dir what is on the disk, and has Cut write only what has changed since.
// All folders must have been flushed by then.
func (r *Replay) Settle(dir string) error {
	err := r.Cut(dir, false)
	r.changed = make(map[*node]bool)
	return err
}

func (r *Replay) file(n *node) *file {
	if r.files[n] == nil {
		r.files[n] = &file{}
	}
	return r.files[n]
}

func (r *Replay) folder(n *node) *folder {
	if r.folders[n] == nil {
		r.folders[n] = &folder{safe: make(map[string]*node)}
	}
	return r.folders[n]
}

// apply makes a change of a folder.
func (e entry) apply(names map[string]*node) {
	if e.kind == unlink {
		delete(names, e.name)
		return
	}
	names[e.name] = e.file
	delete(names, e.from)
}

// Cut writes to dir what a power cut now would leave. What was not flushed is dropped, or,
// if any is set, any part of it is: each change of a folder by itself, though not before an
// earlier one of the same name, and any beginning of a file.
func (r *Replay) Cut(dir string, anyPart bool) error {
	if r.changed == nil {
		if r.root == nil {
			return nil
		}
		return r.cut(dir, r.root, anyPart)
	}
	for n := range r.changed {
		if err := r.cut(filepath.Join(dir, n.Path(nil)), n, anyPart); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replay) cut(dir string, n *node, anyPart bool) error {
	names := r.left(n, anyPart)
	there, err := os.ReadDir(dir)
	if err != nil {
		return err //nolint:wrapcheck // it names the folder
	}
	for _, e := range there {
		if names[e.Name()] == nil {
			if err := os.RemoveAll(filepath.Join(dir, e.Name())); err != nil {
				return err //nolint:wrapcheck // the same
			}
		}
	}
	for name, child := range names {
		path := filepath.Join(dir, name)
		mode := fs.FileMode(child.mode).Perm()
		if child.mode&syscall.S_IFMT == syscall.S_IFREG {
			err = os.WriteFile(path, r.file(child).left(anyPart), mode)
		} else if err = os.Mkdir(path, mode); err == nil || errors.Is(err, fs.ErrExist) {
			err = r.cut(path, child, anyPart)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// left returns what is left of a file.
func (f *file) left(anyPart bool) []byte {
	if anyPart && !bytes.Equal(f.safe, f.data) {
		return f.data[:rand.IntN(len(f.data)+1)] //nolint:gosec // no secret
	}
	return f.safe
}

// left returns the names that are left in a folder.
func (r *Replay) left(n *node, anyPart bool) map[string]*node {
	f := r.folder(n)
	names := make(map[string]*node, len(f.safe))
	maps.Copy(names, f.safe)
	lost := make(map[string]bool)
	for _, e := range f.pending {
		if !anyPart || lost[e.name] || lost[e.from] || rand.IntN(2) == 0 { //nolint:gosec // no secret
			lost[e.name] = true
			continue
		}
		e.apply(names)
	}
	return names
}
