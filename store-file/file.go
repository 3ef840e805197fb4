package filestore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// readNow returns the record under id if it is live, and can be read without waiting for a
// disk. Such a read needs no goroutine.
func (s *Store) readNow(id string) (r sessionstore.Record, ok bool) {
	dir := s.shards[shardOf(id)].Load()
	if dir == nil {
		return r, false
	}
	b, ok := dir.readNow(fileName(id))
	if !ok {
		return r, false
	}
	r, err := decode(b, id)
	return r, err == nil && r.Live()
}

// peek is read for callers without a lock.
func (s *Store) peek(ctx context.Context, id string) (sessionstore.Record, error) {
	if readsLock {
		_, unlock, err := s.lock(ctx, shardOf(id))
		if err != nil {
			return sessionstore.Record{}, err
		}
		defer unlock()
	}
	return s.read(ctx, id)
}

// read returns the record under id, whether it is live or expired.
func (s *Store) read(ctx context.Context, id string) (sessionstore.Record, error) {
	b, err := s.contents(ctx, id, largestFile)
	if err != nil {
		return sessionstore.Record{}, err
	}
	return decode(b, id)
}

// readExpired tells by the header alone whether the record under id has expired.
func (s *Store) readExpired(ctx context.Context, id string) (bool, error) {
	b, err := s.contents(ctx, id, sessionstore.RecordHeaderLen)
	if err != nil {
		return false, err
	}
	expires, err := sessionstore.ParseRecordExpires(b)
	return err == nil && !(sessionstore.Record{Expires: expires}).Live(), err
}

// contents returns what the file of id begins with, most bytes of it.
func (s *Store) contents(ctx context.Context, id string, most int64) (b []byte, err error) {
	dir, err := s.shard(shardOf(id))
	if err != nil {
		return nil, err
	}
	err = patiently(ctx, func() (err error) {
		b, err = dir.read(fileName(id), most)
		return err
	})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if err := s.intact(shardOf(id)); err != nil {
			return nil, err
		}
		return nil, sessionstore.ErrNotFound
	case err != nil:
		return nil, fmt.Errorf("read a record: %w", err)
	}
	return b, nil
}

var (
	errNotRegular = fmt.Errorf("%w: not a regular file", sessionstore.ErrCorrupt)
	errCutShort   = fmt.Errorf("%w: cut short", sessionstore.ErrCorrupt)
)

// checkFile returns an error if a file can't be a record's.
func checkFile(regular bool, size int64) error {
	switch {
	case !regular:
		return errNotRegular
	case size > largestFile:
		return fmt.Errorf("%w: a file of %d bytes", sessionstore.ErrCorrupt, size)
	}
	return nil
}

// put makes b, which encodes r, the content of id's file. The shard is locked. The new subject's
// marker is there before the record can be seen, and the old one's goes after,
// so that the index may have too much for a while, but never too little.
func (s *Store) put(ctx context.Context, id string, r sessionstore.Record, b []byte, oldSubject string) error {
	dir, err := s.shard(shardOf(id))
	if err != nil {
		return err
	}
	temp, err := s.writeTemp(dir.Root, b)
	if err != nil {
		return err
	}
	_ = dir.Chtimes(temp, time.Time{}, r.Expires) // if it fails, Prune reads the file
	subject := r.Subject
	if subject != oldSubject {
		if err := s.mark(subject, id); err != nil {
			return errors.Join(err, dir.Remove(temp))
		}
	}
	if err := rename(ctx, dir.Root, temp, fileName(id)); err != nil {
		return err
	}
	if err := syncDir(dir.Root, "."); err != nil {
		return err
	}
	if subject != oldSubject {
		s.unmark(oldSubject, id)
	}
	return nil
}

// flush makes sure that the name of id's file is on the disk, as put does. It is
// for a write that was made before and may have failed just there.
func (s *Store) flush(id string) error {
	dir, err := s.shard(shardOf(id))
	if err != nil {
		return err
	}
	return syncDir(dir.Root, ".")
}

// remove removes the file of id, if there is one. The shard is locked.
func (s *Store) remove(ctx context.Context, id, subject string) error {
	dir, err := s.shard(shardOf(id))
	if err != nil {
		return err
	}
	if err := removeFile(ctx, dir.Root, fileName(id)); err != nil {
		return err
	}
	if err := syncDir(dir.Root, "."); err != nil {
		return err
	}
	s.unmark(subject, id)
	return nil
}

// removeFile removes a file, if there is one, and leaves it to the caller to flush the
// folder.
func removeFile(ctx context.Context, dir *os.Root, name string) error {
	err := patiently(ctx, func() error { return dir.Remove(name) })
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("remove a file: %w", err)
	}
	return nil
}

// writeTemp writes b to a new file in a folder, flushes it, and returns its name.
func (s *Store) writeTemp(dir *os.Root, b []byte) (string, error) {
	name := rand.Text() + tempSuffix
	f, err := s.create(dir, name, os.O_EXCL)
	if err != nil {
		return "", err
	}
	_, err = f.Write(b)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", errors.Join(fmt.Errorf("write a file: %w", err), dir.Remove(name))
	}
	return name, nil
}

// create opens a file for writing that has the store's mode in spite of the umask.
func (s *Store) create(dir *os.Root, name string, flag int) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|flag, s.o.FileMode)
	if err != nil {
		return nil, fmt.Errorf("create a file: %w", err)
	}
	if err := s.ensureMode(f); err != nil {
		return nil, errors.Join(err, f.Close(), dir.Remove(name))
	}
	return f, nil
}

// ensureMode gives f the store's mode. Only its owner may change it, so that a
// file of another user in the group is left alone if it has it already.
func (s *Store) ensureMode(f *os.File) error {
	if !hasModes {
		return nil
	}
	info, err := f.Stat()
	if err == nil && info.Mode().Perm() != s.o.FileMode {
		err = f.Chmod(s.o.FileMode)
	}
	if err != nil {
		return fmt.Errorf("set a file's mode: %w", err)
	}
	return nil
}

func rename(ctx context.Context, dir *os.Root, temp, name string) error {
	if err := patiently(ctx, func() error { return dir.Rename(temp, name) }); err != nil {
		return errors.Join(fmt.Errorf("rename a file: %w", err), dir.Remove(temp))
	}
	return nil
}

// list returns the names in a folder within dir, in no order.
func list(dir *os.Root, name string) ([]string, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, fmt.Errorf("open a folder: %w", err)
	}
	names, err := f.Readdirnames(-1)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("list a folder: %w", err)
	}
	return names, nil
}

// heldFor is how long a file may be in somebody else's way before that is an error.
const heldFor = 2 * time.Second

// patiently calls f again while another program keeps the file from being opened,
// replaced or removed, as one that looks for viruses or makes a backup does on
// Windows, until ctx is done or it has been so for too long.
func patiently(ctx context.Context, f func() error) error {
	err := f()
	for start := time.Now(); held(err) && time.Since(start) < heldFor; err = f() {
		if done := pause(ctx); done != nil {
			return errors.Join(done, err)
		}
	}
	return err
}
