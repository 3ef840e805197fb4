package filestore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"
)

// lock waits until no other writer, in this process or another one, has the
// shard, and returns the shard's folder. The function that it returns lets the next one in.
//
// The channel keeps the goroutines of this process from polling against each
// other; the file's lock is only ever waited for by one of them.
func (s *Store) lock(ctx context.Context, shard int) (dir *os.Root, unlock func(), err error) {
	select {
	case s.locks[shard] <- struct{}{}:
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	var f *os.File
	own, err := s.shard(shard)
	if err == nil {
		f, err = s.lockFile(ctx, own.Root, shard)
	}
	if err != nil {
		<-s.locks[shard]
		return nil, nil, err
	}
	return own.Root, func() {
		unlockFile(f)
		_ = f.Close() // nothing was written
		<-s.locks[shard]
	}, nil
}

// lockFile opens a shard's lock file and takes its lock. The systems' calls
// either don't wait or can't be interrupted: hence the polling.
func (s *Store) lockFile(ctx context.Context, dir *os.Root, shard int) (*os.File, error) {
	if err := s.intact(shard); err != nil {
		return nil, err
	}
	f, err := s.openLock(dir, lockName)
	if err != nil {
		return nil, err
	}
	for {
		locked, err := tryLock(f)
		if locked {
			return f, nil
		}
		if err == nil {
			err = pause(ctx)
		}
		if err != nil {
			_ = f.Close() // nothing was written
			return nil, err
		}
	}
}

// openLock opens a lock file, within dir.
func (s *Store) openLock(dir *os.Root, name string) (*os.File, error) {
	f, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE, s.o.FileMode)
	if err != nil {
		return nil, fmt.Errorf("open a lock file: %w", err)
	}
	return f, nil
}

// pause waits 1 to 4 ms, which is about the time that one write takes.
func pause(ctx context.Context) error {
	t := time.NewTimer(time.Millisecond + rand.N(3*time.Millisecond)) //nolint:gosec // jitter, no secret
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
