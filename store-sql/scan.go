package sqlstore

import (
	"context"
	"iter"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// scanPage is how many rows Scan reads with one statement.
const scanPage = 100

// No id has a byte from ~ on, and SQLite's other types are above all text.
const pageSQL = rowsSQL + `id > ? AND id < '~' AND ` + notOverSQL + ` ORDER BY id LIMIT {page}`

// Scan implements [sessionstore.Scanner]. It reads a hundred rows with each statement,
// in the order of their ids.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for last := ""; ; {
			err := s.guard.CheckContext(ctx)
			var page []row
			if err == nil {
				page, err = read(ctx, s, func() ([]row, error) { return s.rows(ctx, s.page, s.text(last)) })
			}
			if err != nil {
				yield(sessionstore.Entry{}, err)
				return
			}
			for _, r := range page {
				if !yield(r.Entry, r.err) {
					return
				}
			}
			if len(page) < scanPage {
				return
			}
			last = page[len(page)-1].ID
		}
	}
}
