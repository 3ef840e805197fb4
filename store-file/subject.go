package filestore

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The index is one empty file, a marker, for each record that has a subject. A
// marker changes only while the shard of its record is locked. There may be one
// too many, after a crash or while a write is under way; a record's own
// subject decides.

// ListSubject implements [sessionstore.SubjectIndex]. It reads the names of one in
// 256 of all records that have a subject, and the subject's own records. A damaged
// record among these gives sessionstore.ErrCorrupt, with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	return sessionstore.Guarded(ctx, s.guard, func() ([]sessionstore.Entry, error) {
		ids, err := s.marked(subject)
		if err != nil {
			return nil, err
		}
		var entries []sessionstore.Entry
		var damaged error
		for _, id := range ids {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			r, err := s.peek(ctx, id)
			switch {
			case errors.Is(err, sessionstore.ErrCorrupt):
				damaged, err = err, nil
			case errors.Is(err, sessionstore.ErrNotFound), err == nil && r.Subject != subject:
				err = s.unmarkStale(ctx, subject, id)
			case err == nil && r.Live():
				entries = append(entries, sessionstore.Entry{ID: id, Record: r})
			}
			if err != nil {
				return nil, err
			}
		}
		return entries, damaged
	})
}

// DeleteSubject implements [sessionstore.SubjectIndex]. It deletes damaged records of
// the subject too, without counting them, and goes on after an error.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	ids, err := sessionstore.Guarded(ctx, s.guard, func() ([]string, error) { return s.marked(subject) })
	if err != nil {
		return 0, err
	}
	// All records are removed before a folder is flushed: mostly, the first flush takes
	// along what the others have to say.
	var mu sync.Mutex
	var gone removed
	failed := byShard(ids, func(ids []string) error {
		r, err := sessionstore.Guarded(ctx, s.guard, func() (removed, error) { return s.deleteOf(ctx, subject, ids) })
		mu.Lock()
		defer mu.Unlock()
		gone.ids = append(gone.ids, r.ids...)
		gone.live += r.live
		return err
	})
	err = byShard(gone.ids, func(ids []string) error {
		return s.guard.Do(ctx, func() error { return s.settle(ctx, subject, ids) })
	})
	return gone.live, cmp.Or(failed, err)
}

// atOnce is how many shards byShard works on at a time.
const atOnce = 16

// byShard calls work with ids of which each few are of one shard, at the same time for
// several shards: a disk that makes each removal wait mostly makes them wait together. It
// goes on after an error and returns one of them.
func byShard(ids []string, work func(ids []string) error) (failed error) {
	var shards [shardCount][]string
	for _, id := range ids {
		shards[shardOf(id)] = append(shards[shardOf(id)], id)
	}
	var mu sync.Mutex
	var wg sync.WaitGroup
	places := make(chan struct{}, atOnce)
	for _, ids := range &shards {
		for some := range slices.Chunk(ids, pruneBatch) {
			places <- struct{}{}
			wg.Go(func() {
				defer func() { <-places }()
				err := work(some)
				mu.Lock()
				defer mu.Unlock()
				failed = cmp.Or(failed, err)
			})
		}
	}
	wg.Wait()
	return failed
}

// removed says what deleteOf has removed: records, of which so many were live. Those of
// which only a marker is left are among them.
type removed struct {
	ids  []string
	live int
}

// deleteOf removes those of the records, all of one shard, that are the subject's.
func (s *Store) deleteOf(ctx context.Context, subject string, ids []string) (gone removed, failed error) {
	dir, unlock, err := s.lock(ctx, shardOf(ids[0]))
	if err != nil {
		return gone, err
	}
	defer unlock()
	for _, id := range ids {
		if err := ctx.Err(); err != nil {
			return gone, cmp.Or(failed, err)
		}
		r, err := s.read(ctx, id)
		switch {
		case err == nil && r.Subject != subject:
			s.unmark(subject, id)
			continue
		case errors.Is(err, sessionstore.ErrNotFound):
			gone.ids = append(gone.ids, id)
			continue
		case err == nil, errors.Is(err, sessionstore.ErrCorrupt):
			err = removeFile(ctx, dir, fileName(id))
		}
		if err != nil {
			failed = cmp.Or(failed, err)
			continue
		}
		gone.ids = append(gone.ids, id)
		if r.Live() {
			gone.live++
		}
	}
	return gone, failed
}

// settle makes sure that it is on the disk what deleteOf has removed from a shard, and
// removes the markers. Until then a power failure may bring a record back, which the
// index has to know. What is there again keeps its marker.
func (s *Store) settle(ctx context.Context, subject string, ids []string) error {
	dir, unlock, err := s.lock(ctx, shardOf(ids[0]))
	if err != nil {
		return err
	}
	defer unlock()
	if err := syncDir(dir, "."); err != nil {
		return err
	}
	for _, id := range ids {
		if _, err := dir.Lstat(fileName(id)); errors.Is(err, fs.ErrNotExist) {
			s.unmark(subject, id)
		}
	}
	return nil
}

// marked returns the ids of the records that the subject has or had.
func (s *Store) marked(subject string) ([]string, error) {
	if err := s.intact(0); err != nil { // no marker would seem to mean no session
		return nil, err
	}
	bucket, prefix := markerPrefix(subject)
	names, err := list(s.root, bucket)
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		if rest, ok := strings.CutPrefix(name, prefix); ok {
			if id, ok := idOf(rest); ok {
				ids = append(ids, id)
			}
		}
	}
	return ids, nil
}

// markerPrefix returns the folder of the subject's markers and how their names
// begin. A hash makes a file name out of any subject, and tells it to nobody.
func markerPrefix(subject string) (bucket, prefix string) {
	sum := sha256.Sum256([]byte(subject))
	return bucketName(int(sum[0])), hex.EncodeToString(sum[:]) + "."
}

func markerName(subject, id string) string {
	bucket, prefix := markerPrefix(subject)
	return bucket + "/" + prefix + fileName(id)
}

// mark records durably that the subject has the record under id.
func (s *Store) mark(subject, id string) error {
	if subject == "" {
		return nil
	}
	f, err := s.create(s.root, markerName(subject, id), 0)
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return fmt.Errorf("write a marker: %w", err)
	}
	bucket, _ := markerPrefix(subject)
	return syncDir(s.root, bucket)
}

// unmark takes back what mark did. If it fails, a stale marker stays, which goes
// when it is next looked at.
func (s *Store) unmark(subject, id string) {
	if subject != "" {
		_ = s.root.Remove(markerName(subject, id))
	}
}

// unmarkStale removes a marker that seems to have no record, unless its record
// was only just about to come.
func (s *Store) unmarkStale(ctx context.Context, subject, id string) error {
	_, unlock, err := s.lock(ctx, shardOf(id))
	if err != nil {
		return err
	}
	defer unlock()
	r, err := s.read(ctx, id)
	if errors.Is(err, sessionstore.ErrNotFound) || err == nil && r.Subject != subject {
		s.unmark(subject, id)
		return nil
	}
	return err
}
