package filestore

import (
	"errors"
	"fmt"
	"io/fs"
)

// leastDescriptors is what a process has to be allowed: the folders that a store holds open,
// and some for the files of calls and for the rest of the program.
const leastDescriptors = shardDescriptors*shardCount + 64

// checkDescriptors returns an error if the store would hold all files that the process may
// open: then nothing could be opened any more, whatever is closed.
func checkDescriptors() error {
	if limit, known := descriptors(); known && limit < leastDescriptors {
		return fmt.Errorf("the process may open %d files, and the store holds %d open: allow it %d or more (ulimit -n)",
			limit, shardDescriptors*shardCount+1, leastDescriptors)
	}
	return nil
}

// shard returns a shard's folder. It stays open until Close, so that a record is one
// name away.
func (s *Store) shard(n int) (*shard, error) {
	if dir := s.shards[n].Load(); dir != nil {
		return dir, nil
	}
	root, err := s.root.OpenRoot(shardName(n))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%w: %s", errGone, s.dir)
	case err != nil:
		return nil, fmt.Errorf("open a folder: %w", err)
	}
	dir, err := openShard(root)
	if err != nil {
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
		if err := dir.Close(); err != nil {
			return fmt.Errorf("close a folder: %w", err)
		}
	}
	return nil
}
