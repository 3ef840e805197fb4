package postgresstore

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// A fake answers each statement with the next of its answers, and the last one
// for ever. It keeps what it was sent.
type fake struct {
	answers []answer
	sent    []sent
}

type answer struct {
	row []any
	tag string
	err error
}

type sent struct {
	sql  string
	args []any
}

func (f *fake) next(sql string, args []any) answer {
	f.sent = append(f.sent, sent{sql, args})
	a := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	return a
}

func (f *fake) Exec(_ context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	a := f.next(sql, args)
	return pgconn.NewCommandTag(a.tag), a.err
}

func (f *fake) QueryRow(_ context.Context, sql string, args ...any) pgx.Row {
	if strings.HasSuffix(sql, "RETURNING id") && f.answers[0].err == nil && len(f.answers[0].row) != 1 {
		return answer{err: pgx.ErrNoRows} // what is tested is the statement that finds out why
	}
	return f.next(sql, args)
}

func (f *fake) Query(_ context.Context, sql string, args ...any) (pgx.Rows, error) {
	return nil, f.next(sql, args).err
}

// Scan makes an answer a pgx.Row.
func (a answer) Scan(dest ...any) error {
	if a.err != nil {
		return a.err
	}
	if len(dest) != len(a.row) {
		return fmt.Errorf("%d columns for %d variables", len(a.row), len(dest))
	}
	for i, d := range dest {
		reflect.ValueOf(d).Elem().Set(reflect.ValueOf(a.row[i]))
	}
	return nil
}

func open(t *testing.T, db DB) *Store {
	t.Helper()
	s, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func database(code string) error {
	return &pgconn.PgError{Code: code, Message: "a message", Detail: "Failing row contains (secret)."}
}
