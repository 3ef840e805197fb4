package otelsession

import (
	"context"
	"iter"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Touch implements [sessionstore.Toucher].
func (s *store) Touch(ctx context.Context, id string, version sessionstore.Version, expires time.Time) error {
	ctx, end := s.rec.start(ctx, "touch")
	err := sessionstore.Touch(ctx, s.next, id, version, expires)
	end(err)
	return err
}

// Prune implements [sessionstore.Pruner].
func (s *store) Prune(ctx context.Context) (int, error) {
	ctx, end := s.rec.start(ctx, "prune")
	n, err := sessionstore.Prune(ctx, s.next)
	end(err, recordsKey.Int(n))
	return n, err
}

// ListSubject implements [sessionstore.SubjectIndex].
func (s *store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	ctx, end := s.rec.start(ctx, "list_subject")
	entries, err := sessionstore.ListSubject(ctx, s.next, subject)
	end(err, recordsKey.Int(len(entries)))
	return entries, err
}

// DeleteSubject implements [sessionstore.SubjectIndex].
func (s *store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	ctx, end := s.rec.start(ctx, "delete_subject")
	n, err := sessionstore.DeleteSubject(ctx, s.next, subject)
	end(err, recordsKey.Int(n))
	return n, err
}

// DeleteAll implements [sessionstore.AllDeleter].
func (s *store) DeleteAll(ctx context.Context) (int, error) {
	ctx, end := s.rec.start(ctx, "delete_all")
	n, err := sessionstore.DeleteAll(ctx, s.next)
	end(err, recordsKey.Int(n))
	return n, err
}

// Scan implements [sessionstore.Scanner]. Its span lasts as long as the iteration.
func (s *store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		ctx, end := s.rec.start(ctx, "scan")
		n, failed := 0, error(nil)
		defer func() { end(failed, recordsKey.Int(n)) }()
		for e, err := range sessionstore.Scan(ctx, s.next) {
			if err == nil {
				n++
			} else {
				failed = err
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Watch implements [sessionstore.Watcher]. It is not recorded: it has no end of its own.
func (s *store) Watch(ctx context.Context, changed func(id string)) error {
	return sessionstore.Watch(ctx, s.next, changed)
}
