package filestore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// shard returns a shard's folder. It stays open until Close, so that a record is one
// name away: with it, Load takes half of the system calls.
func (s *Store) shard(n int) (*os.Root, error) {
	if dir := s.shards[n].Load(); dir != nil {
		return dir, nil
	}
	dir, err := s.root.OpenRoot(shardName(n))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", errGone, s.dir)
	case err != nil:
		return nil, fmt.Errorf("open a folder: %w", err)
	}
	if s.shards[n].CompareAndSwap(nil, dir) {
		return dir, nil
	}
	if err := dir.Close(); err != nil {
		return nil, fmt.Errorf("close a folder: %w", err)
	}
	return s.shard(n)
}

// forget closes a shard's folder, which is no longer the one that has that name, or no
// longer needed.
func (s *Store) forget(n int) error {
	if dir := s.shards[n].Swap(nil); dir != nil {
		return dir.Close() //nolint:wrapcheck // Close does it
	}
	return nil
}
