package filestore

import (
	"cmp"
	"context"
	"strings"
)

// DeleteAll implements [sessionstore.AllDeleter]. It deletes all records, damaged ones
// too, and the same remains of crashes and stale markers as Prune. Files that are not
// the store's stay.
//
// An error on one file does not keep it from the others; it returns the first.
func (s *Store) DeleteAll(ctx context.Context) (int, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return 0, err
	}
	var deleted int
	var failed error
	for shard := range shardCount {
		n, err := s.sweep(ctx, func() ([]string, error) { return s.listLocked(ctx, shard) },
			func(names []string) (int, error) { return s.deleteRecords(ctx, shard, names) })
		deleted += n
		failed = cmp.Or(failed, err)
	}
	err := s.sweepMarkers(ctx)
	return deleted, cmp.Or(failed, err)
}

// listLocked returns the names in a shard. A folder that is renamed in while it is
// listed may not show all that is there throughout.
func (s *Store) listLocked(ctx context.Context, shard int) ([]string, error) {
	dir, unlock, err := s.lock(ctx, shard)
	if err != nil {
		return nil, err
	}
	defer unlock()
	return list(dir, ".")
}

// deleteRecords removes the records and orphans among these files of a shard, and
// reports how many live records these were.
func (s *Store) deleteRecords(ctx context.Context, shard int, names []string) (deleted int, failed error) {
	dir, unlock, err := s.lock(ctx, shard)
	if err != nil {
		return 0, err
	}
	defer unlock()
	subjects := make(map[string]string, len(names)) // of what was removed, by id
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			failed = cmp.Or(failed, err)
			break
		}
		id, isRecord := idOf(name)
		switch {
		case isRecord && shardOf(id) == shard:
			r, _ := s.read(ctx, id) // what can't be read goes all the same, as with Delete
			if err := removeFile(ctx, dir, fileName(id)); err != nil {
				failed = cmp.Or(failed, err)
				continue
			}
			subjects[id] = r.Subject
			if r.Live() {
				deleted++
			}
		case strings.HasSuffix(name, tempSuffix):
			// A write under way would have the lock: this one was cut off.
			failed = cmp.Or(failed, removeFile(ctx, dir, name))
		}
	}
	// One flush is for all of them. Until then a power failure may bring a record
	// back, which the index has to know.
	if err := syncDir(dir, "."); err != nil {
		return deleted, cmp.Or(failed, err)
	}
	for id, subject := range subjects {
		s.unmark(subject, id)
	}
	return deleted, failed
}
