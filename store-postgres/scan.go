package postgresstore

import (
	"context"
	"errors"
	"iter"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// scanPage is how many rows Scan reads with one statement.
const scanPage = 100

const scanSQL = rowsSQL + `
WHERE id >= $1 AND (id > $1 OR $1 = '') AND (expires > clock_timestamp() OR version = 0)
ORDER BY id LIMIT $2`

// Scan implements [sessionstore.Scanner]. It reads a hundred rows with each statement,
// in the order of their ids.
func (s *Store) Scan(ctx context.Context) iter.Seq2[sessionstore.Entry, error] {
	return func(yield func(sessionstore.Entry, error) bool) {
		for last := ""; ; {
			page, err := s.page(ctx, last)
			if err != nil {
				yield(sessionstore.Entry{}, err)
				return
			}
			for _, e := range page {
				if !yield(e.Entry, e.err) {
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

// A scanned entry is damaged if it has an error.
type scanned struct {
	sessionstore.Entry

	err error
}

// page returns the rows that follow an id.
func (s *Store) page(ctx context.Context, last string) ([]scanned, error) {
	if err := s.guard.CheckContext(ctx); err != nil {
		return nil, err
	}
	var page []scanned
	err := s.run(ctx, func() error {
		rows, err := s.query(ctx, scanSQL, last, scanPage)
		if err != nil {
			return err
		}
		page, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (scanned, error) {
			e, err := scanEntry(row)
			if errors.Is(err, errForeign) {
				return scanned{e, err}, nil
			}
			return scanned{e, nil}, err
		})
		return err //nolint:wrapcheck // run does
	})
	return page, err
}
