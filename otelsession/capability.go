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
	err := errPanicked
	defer func() { end(err) }()
	err = sessionstore.Touch(ctx, s.next, id, version, expires)
	return err
}

// Prune implements [sessionstore.Pruner].
func (s *store) Prune(ctx context.Context) (int, error) {
	ctx, end := s.rec.start(ctx, "prune")
	n, err := 0, errPanicked
	defer func() { end(err, recordsKey.Int(n)) }()
	n, err = sessionstore.Prune(ctx, s.next)
	return n, err
}

// ListSubject implements [sessionstore.SubjectIndex].
func (s *store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	ctx, end := s.rec.start(ctx, "list_subject")
	var entries []sessionstore.Entry
	err := errPanicked
	defer func() { end(err, recordsKey.Int(len(entries))) }()
	entries, err = sessionstore.ListSubject(ctx, s.next, subject)
	return entries, err
}

// DeleteSubject implements [sessionstore.SubjectIndex].
func (s *store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	ctx, end := s.rec.start(ctx, "delete_subject")
	n, err := 0, errPanicked
	defer func() { end(err, recordsKey.Int(n)) }()
	n, err = sessionstore.DeleteSubject(ctx, s.next, subject)
	return n, err
}

// DeleteAll implements [sessionstore.AllDeleter].
func (s *store) DeleteAll(ctx context.Context) (int, error) {
	ctx, end := s.rec.start(ctx, "delete_all")
	n, err := 0, errPanicked
	defer func() { end(err, recordsKey.Int(n)) }()
	n, err = sessionstore.DeleteAll(ctx, s.next)
	return n, err
}

// Scan implements [sessionstore.Scanner]. Its span lasts as long as the iteration.
func (s *store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		ctx, end := s.rec.start(ctx, "scan")
		n, failed, ending := 0, error(nil), errPanicked
		defer func() { end(ending, recordsKey.Int(n)) }()
		for e, err := range sessionstore.Scan(ctx, s.next) {
			if err == nil {
				n++
			} else {
				failed = err
			}
			ending = failed // a panic of the caller is not the store's
			if !yield(e, err) {
				return
			}
			ending = errPanicked
		}
		ending = failed
	}
}

// Watch implements [sessionstore.Watcher]. It is not recorded: it has no end of its own.
func (s *store) Watch(ctx context.Context, changed func(id string)) error {
	return sessionstore.Watch(ctx, s.next, changed)
}
