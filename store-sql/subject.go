package sqlstore

import (
	"context"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The comparison with ” repeats the condition of SQLite's index.
const (
	listSQL = rowsSQL + `subject = ? AND subject <> '' AND ` + notOverSQL

	endSQL     = `DELETE FROM {table} WHERE subject = ? AND subject <> '' AND `
	endLiveSQL = endSQL + liveSQL
	endRestSQL = endSQL + notLiveSQL
)

// ListSubject implements [sessionstore.SubjectIndex]. A row of the subject that is no record
// gives sessionstore.ErrCorrupt, with the others.
func (s *Store) ListSubject(ctx context.Context, subject string) ([]sessionstore.Entry, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return nil, err
	}
	rows, err := read(ctx, s, func() ([]row, error) { return s.rows(ctx, s.list, s.text(subject)) })
	if err != nil {
		return nil, err
	}
	var entries []sessionstore.Entry
	for _, r := range rows {
		switch {
		case r.err != nil:
			err = r.err
		case r.Record.Subject != subject:
			err = errSwapped
		default:
			entries = append(entries, r.Entry)
		}
	}
	return entries, err
}

// DeleteSubject implements [sessionstore.SubjectIndex]. Rows of the subject that have
// expired, or are no record, go too.
func (s *Store) DeleteSubject(ctx context.Context, subject string) (int, error) {
	if err := s.guard.CheckSubject(ctx, subject); err != nil {
		return 0, err
	}
	deleted, err := run(ctx, s, func() (int, error) { return s.exec(ctx, s.endLive, s.text(subject)) })
	if err != nil {
		return 0, err
	}
	return deleted, s.do(ctx, func() error {
		_, err := s.exec(ctx, s.endRest, s.text(subject))
		return err
	})
}
