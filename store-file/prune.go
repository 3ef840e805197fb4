package filestore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// pruneBatch is how many files Prune and DeleteAll look at in one go. Writers of the same
// shard wait for about a millisecond meanwhile.
const pruneBatch = 64

// Prune implements [sessionstore.Pruner]. It removes expired records, what is left of
// writes that a crash cut off, and markers in the subject index whose record is
// gone. A record's file is as old as its expiry will be, so that most live records are
// not opened; of the others it reads the header and no data. Damaged records stay;
// Delete removes them.
//
// An error on one file does not keep it from the others; it returns the first.
func (s *Store) Prune(ctx context.Context) (int, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return 0, err
	}
	var removed int
	var failed error
	for shard := range shardCount {
		n, err := s.sweep(ctx, func() ([]string, error) { return s.listDue(ctx, shard) },
			func(names []string) (int, error) { return s.pruneRecords(ctx, shard, names) })
		removed += n
		failed = cmp.Or(failed, err)
	}
	err := s.sweepMarkers(ctx)
	return removed, cmp.Or(failed, err)
}

// listDue returns the names of the files in a shard that Prune has to look into. It
// leaves out records whose time is to come. A file that was copied without its time is
// looked into all the same: it is from the past.
func (s *Store) listDue(ctx context.Context, shard int) ([]string, error) {
	dir, err := s.shard(shard)
	if err != nil {
		return nil, err
	}
	names, err := list(dir.Root, ".")
	if err != nil {
		return nil, err
	}
	now := time.Now()
	due := names[:0]
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if _, ok := idOf(name); ok {
			if info, err := dir.Lstat(name); err == nil && now.Before(info.ModTime()) {
				continue
			}
		}
		due = append(due, name)
	}
	return due, nil
}

// sweep has some files of a folder at a time worked on, and adds up what was removed.
// It goes on after an error, unless ctx is done, and returns the first.
func (s *Store) sweep(
	ctx context.Context, list func() ([]string, error), work func(names []string) (int, error),
) (removed int, failed error) {
	names, failed := sessionstore.Guarded(ctx, s.guard, list)
	for names := range slices.Chunk(names, pruneBatch) {
		if err := s.guard.CheckContext(ctx); err != nil {
			return removed, cmp.Or(failed, err)
		}
		n, err := sessionstore.Guarded(ctx, s.guard, func() (int, error) { return work(names) })
		removed += n
		failed = cmp.Or(failed, err)
	}
	return removed, failed
}

// sweepMarkers removes the markers without a record.
func (s *Store) sweepMarkers(ctx context.Context) (failed error) {
	for bucket := range shardCount {
		_, err := s.sweep(ctx, func() ([]string, error) { return list(s.root, bucketName(bucket)) },
			func(names []string) (int, error) { return 0, s.pruneMarkers(ctx, bucket, names) })
		failed = cmp.Or(failed, err)
	}
	return failed
}

// pruneRecords removes what is expired or an orphan among the files of a shard.
func (s *Store) pruneRecords(ctx context.Context, shard int, names []string) (removed int, failed error) {
	dir, unlock, err := s.lock(ctx, shard)
	if err != nil {
		return 0, err
	}
	defer unlock()
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return removed, cmp.Or(failed, err)
		}
		if id, ok := idOf(name); ok {
			if shardOf(id) != shard {
				continue // no record of ours, which the lock is about
			}
			ended, err := s.pruneRecord(ctx, dir, id)
			if ended {
				removed++
			}
			failed = cmp.Or(failed, err)
		} else if strings.HasSuffix(name, tempSuffix) {
			// A write under way would have the lock: this one was cut off.
			failed = cmp.Or(failed, removeFile(ctx, dir, name))
		}
	}
	return removed, failed
}

// pruneRecord removes the record under id if it has expired. The shard is
// locked. The header has no checksum of its own: before anything is removed,
// the whole file has to say the same.
func (s *Store) pruneRecord(ctx context.Context, dir *os.Root, id string) (bool, error) {
	expired, err := s.readExpired(ctx, id)
	var r sessionstore.Record
	if expired {
		r, err = s.read(ctx, id)
	}
	switch {
	case errors.Is(err, sessionstore.ErrNotFound), errors.Is(err, sessionstore.ErrCorrupt):
		return false, nil
	case err != nil || !expired || r.Live():
		return false, err
	}
	// The folder is not flushed: should the file come back after a power failure, it is
	// pruned again.
	if err := removeFile(ctx, dir, fileName(id)); err != nil {
		return false, err
	}
	s.unmark(r.Subject, id)
	return true, nil
}

// pruneMarkers removes the markers without a record among those of a bucket.
func (s *Store) pruneMarkers(ctx context.Context, bucket int, names []string) (failed error) {
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return cmp.Or(failed, err)
		}
		_, file, _ := strings.Cut(name, ".")
		if id, ok := idOf(file); ok {
			failed = cmp.Or(failed, s.pruneMarker(ctx, id, bucketName(bucket)+"/"+name))
		}
	}
	return failed
}

// pruneMarker removes a marker of id's record if that is gone. The marker comes
// before its record: it takes the lock to know that none is on its way.
func (s *Store) pruneMarker(ctx context.Context, id, name string) error {
	if there, err := s.exists(id); there || err != nil {
		return err
	}
	_, unlock, err := s.lock(ctx, shardOf(id))
	if err != nil {
		return err
	}
	defer unlock()
	if there, err := s.exists(id); there || err != nil {
		return err
	}
	return removeFile(ctx, s.root, name)
}

// exists tells whether there is a file for id, whatever it holds.
func (s *Store) exists(id string) (bool, error) {
	dir, err := s.shard(shardOf(id))
	if err == nil {
		_, err = dir.Lstat(fileName(id))
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("look at a record: %w", err)
	}
	return true, nil
}
