package postgresstore

import (
	"context"
	"errors"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A listing answers a query with rows.
type listing struct {
	*fake
	pgx.Rows

	left []answer
	row  answer
}

func (l *listing) Query(context.Context, string, ...any) (pgx.Rows, error) { return l, nil }

func (l *listing) Next() bool {
	if len(l.left) == 0 {
		return false
	}
	l.row, l.left = l.left[0], l.left[1:]
	return true
}

func (l *listing) Scan(dest ...any) error { return l.row.Scan(dest...) }

func (*listing) Close() {}

func (*listing) Err() error { return nil }

// A row that is no record keeps the others of its subject from no list.
func TestListSubjectListsTheOthersBesideWhatIsNoRecord(t *testing.T) {
	t.Parallel()
	s := open(t, &listing{left: []answer{{row: row("damaged", 0)}, {row: row(someID, 7)}}})
	list, err := s.ListSubject(t.Context(), "alice")
	if len(list) != 1 || list[0].ID != someID || !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("%v, %v, want the other one and ErrCorrupt", list, err)
	}
}
