package postgresstore

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

const (
	someID  = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	otherID = "BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB"
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

func newStore(t *testing.T, db DB) *Store {
	t.Helper()
	s, err := New(db, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func record() sessionstore.Record {
	return sessionstore.Record{Data: []byte("secret"), Subject: "alice", Expires: time.Now().Add(time.Hour), Version: 7}
}

func database(code string) error {
	return &pgconn.PgError{Code: code, Message: "a message", Detail: "Failing row contains (secret)."}
}

// calls are the methods of a store, each with arguments that are right.
func calls(s *Store) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Load":          func(ctx context.Context) error { _, err := s.Load(ctx, someID); return err },
		"Create":        func(ctx context.Context) error { return s.Create(ctx, someID, record()) },
		"Update":        func(ctx context.Context) error { return s.Update(ctx, someID, 6, record()) },
		"Delete":        func(ctx context.Context) error { return s.Delete(ctx, someID) },
		"Touch":         func(ctx context.Context) error { return s.Touch(ctx, someID, 1, record().Expires) },
		"Prune":         func(ctx context.Context) error { _, err := s.Prune(ctx); return err },
		"ListSubject":   func(ctx context.Context) error { _, err := s.ListSubject(ctx, "alice"); return err },
		"DeleteSubject": func(ctx context.Context) error { _, err := s.DeleteSubject(ctx, "alice"); return err },
		"DeleteAll":     func(ctx context.Context) error { _, err := s.DeleteAll(ctx); return err },
		"Migrate":       s.Migrate,
	}
}

var errNetwork = errors.New("connection reset")
