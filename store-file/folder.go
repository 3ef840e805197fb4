package filestore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// open opens dir, refusing what is no folder or is open to too many.
func (s *Store) open(dir string) error {
	if dir == "" {
		return errors.New("the folder has no name")
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("find the folder: %w", err)
	}
	info, err := os.Lstat(abs)
	if err == nil {
		err = s.checkFolder(info)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("folder %s: %w: create it with mode %#o", abs, fs.ErrNotExist, dirMode(s.o.FileMode))
	case err != nil:
		return fmt.Errorf("folder %s: %w", abs, err)
	}
	root, err := os.OpenRoot(abs)
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	self, err := root.Stat(".")
	if err == nil && !os.SameFile(info, self) {
		err = fmt.Errorf("folder %s was replaced while it was opened", abs)
	}
	if err != nil {
		return errors.Join(err, root.Close())
	}
	s.dir, s.root, s.self = abs, root, self
	return nil
}

func (s *Store) checkFolder(info fs.FileInfo) error {
	most := dirMode(s.o.FileMode)
	switch {
	case info.Mode()&fs.ModeSymlink != 0:
		return errors.New("is a symbolic link: name the folder that it leads to")
	case !info.IsDir():
		return errors.New("is not a folder")
	case hasModes && info.Mode().Perm()&^most != 0:
		return fmt.Errorf("has mode %#o and is open to others: change it to %#o", info.Mode().Perm(), most)
	}
	return nil
}

// prepare makes sure that the folder is a store's and has all its parts. Any
// number of processes may do so at the same time.
func (s *Store) prepare() error {
	if err := s.adopt(); err != nil {
		return err
	}
	if err := s.ensureDir(subjectsName); err != nil {
		return err
	}
	for shard := range shardCount {
		if err := s.ensureDir(shardName(shard)); err != nil {
			return err
		}
		if err := s.ensureDir(bucketName(shard)); err != nil {
			return err
		}
		if err := s.ensureLock(shard); err != nil {
			return err
		}
	}
	return errors.Join(syncDir(s.root, subjectsName), syncDir(s.root, "."))
}

// adopt accepts a folder that has the right FORMAT, and writes it into one that
// is empty. FORMAT is the first file that a store gets, so that a listing that
// shows any other part of a store is followed by a FORMAT.
func (s *Store) adopt() error {
	names, err := list(s.root, ".")
	if err != nil {
		return err
	}
	b, err := s.root.ReadFile(formatName)
	switch {
	case err == nil && string(b) == format:
		return nil
	case err == nil && strings.HasPrefix(string(b), formatPrefix):
		return fmt.Errorf("folder %s was written by another version of this package: it has %q, want %q",
			s.dir, strings.TrimSpace(string(b)), strings.TrimSpace(format))
	case err == nil:
		return fmt.Errorf("folder %s has a file %s that is not a store's", s.dir, formatName)
	case !errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("read the format: %w", err)
	}
	for _, name := range names {
		if !strings.HasSuffix(name, tempSuffix) {
			return fmt.Errorf("folder %s is neither empty nor a store's, it holds %q: give the store a folder of its own", s.dir, name)
		}
	}
	temp, err := s.writeTemp(s.root, []byte(format))
	if err != nil {
		return fmt.Errorf("folder %s is not writable: %w", s.dir, err)
	}
	// Where a file that somebody has open can't be replaced, one of several that begin
	// at the same time may find that another has done it.
	if err := rename(context.Background(), s.root, temp, formatName); err != nil {
		if b, _ := s.root.ReadFile(formatName); string(b) != format {
			return err
		}
	}
	return syncDir(s.root, ".") // after a power failure, too, no other part is there without it
}

// ensureDir makes sure that there is a folder of that name with the right mode. It
// keeps the bit by which the users who share a folder share what is made in it,
// whatever their own groups are.
func (s *Store) ensureDir(name string) error {
	if err := s.root.Mkdir(name, dirMode(s.o.FileMode)); err != nil && !errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("make a folder: %w", err)
	}
	info, err := s.root.Lstat(name)
	switch {
	case err != nil:
		return fmt.Errorf("look at a folder: %w", err)
	case !info.IsDir():
		return fmt.Errorf("%s in the store's folder is not a folder", name)
	case hasModes && info.Mode().Perm() != dirMode(s.o.FileMode):
		if err := s.root.Chmod(name, dirMode(s.o.FileMode)|info.Mode()&fs.ModeSetgid); err != nil {
			return fmt.Errorf("set a folder's mode: %w", err)
		}
	}
	return nil
}

// ensureLock makes sure that a shard has a lock file, which also finds out
// whether the folder is writable, and whether there are locks at all.
func (s *Store) ensureLock(shard int) error {
	f, err := s.openLock(s.root, shardName(shard)+"/"+lockName)
	if err != nil {
		return fmt.Errorf("folder %s is not writable: %w", s.dir, err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	if err := s.ensureMode(f); err != nil {
		return err
	}
	locked, err := tryLock(f)
	if err != nil {
		return fmt.Errorf("folder %s can't be locked: %w", s.dir, err)
	}
	if locked {
		unlockFile(f)
	}
	return nil
}

// intact returns an error unless the folder is still there with the given
// shard in it: only then does a file that is missing mean that there is no record.
func (s *Store) intact(shard int) error {
	info, err := os.Lstat(s.dir)
	if err == nil && !os.SameFile(info, s.self) {
		err = fs.ErrNotExist
	}
	if err == nil {
		_, err = s.root.Lstat(formatName)
	}
	if err == nil {
		err = s.intactShard(shard)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("%w: %s", errGone, s.dir)
	case err != nil:
		return fmt.Errorf("look at the folder: %w", err)
	}
	return nil
}

// intactShard returns an error if the shard that is open is not the one that is there.
// If there is one, the next call opens it.
func (s *Store) intactShard(shard int) error {
	info, err := s.root.Lstat(shardName(shard))
	if err != nil {
		return err //nolint:wrapcheck // intact does it
	}
	dir, err := s.shard(shard)
	if err != nil {
		return err
	}
	self, err := dir.Stat(".")
	if err != nil {
		return err //nolint:wrapcheck // intact does it
	}
	if !os.SameFile(info, self) {
		return errors.Join(fs.ErrNotExist, s.forget(shard))
	}
	return nil
}
