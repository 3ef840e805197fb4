package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A fake is a driver that answers each statement with the next of its answers, and
// the last one for ever. It keeps what it was sent, and prepares anything unless it has
// an error for that.
type fake struct {
	answers    []answer
	sent       []sent
	before     func() // an answer
	prepared   []string
	unprepared error
}

type answer struct {
	rows     [][]driver.Value
	affected int64
	err      error
}

type sent struct {
	sql  string
	args []any
	text bool // not prepared

	watched bool // its context can be done
}

// rowOf answers with one row.
func rowOf(values ...driver.Value) answer { return answer{rows: [][]driver.Value{values}} }

var none = answer{}

func (f *fake) next(ctx context.Context, query string, args []driver.NamedValue, text bool) (answer, error) {
	if f.before != nil {
		f.before()
	}
	s := sent{sql: query, text: text, watched: ctx.Done() != nil}
	for _, a := range args {
		s.args = append(s.args, a.Value)
	}
	f.sent = append(f.sent, s)
	a := f.answers[0]
	if len(f.answers) > 1 {
		f.answers = f.answers[1:]
	}
	return a, a.err
}

// The methods of driver.Connector, and of the one connection that it makes.

func (f *fake) Connect(context.Context) (driver.Conn, error) { return f, nil }
func (f *fake) Driver() driver.Driver                        { return nil }
func (f *fake) Close() error                                 { return nil }

func (f *fake) Prepare(query string) (driver.Stmt, error) {
	f.prepared = append(f.prepared, query)
	return fakeStmt{f, query}, f.unprepared
}

func (f *fake) Begin() (driver.Tx, error) {
	_, err := f.next(context.Background(), "BEGIN", nil, true)
	return f, err
}

func (f *fake) Commit() error {
	_, err := f.next(context.Background(), "COMMIT", nil, true)
	return err
}

func (f *fake) Rollback() error { return nil }

func (f *fake) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	return f.exec(ctx, query, args, true)
}

func (f *fake) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	return f.query(ctx, query, args, true)
}

func (f *fake) exec(ctx context.Context, query string, args []driver.NamedValue, text bool) (driver.Result, error) {
	a, err := f.next(ctx, query, args, text)
	return driver.RowsAffected(a.affected), err
}

func (f *fake) query(ctx context.Context, query string, args []driver.NamedValue, text bool) (driver.Rows, error) {
	a, err := f.next(ctx, query, args, text)
	rows := &fakeRows{rows: a.rows}
	if len(a.rows) > 0 {
		rows.columns = make([]string, len(a.rows[0]))
	}
	return rows, err
}

type fakeStmt struct {
	f     *fake
	query string
}

func (s fakeStmt) Close() error  { return nil }
func (s fakeStmt) NumInput() int { return -1 }

func (s fakeStmt) Exec([]driver.Value) (driver.Result, error) { return nil, errors.ErrUnsupported }
func (s fakeStmt) Query([]driver.Value) (driver.Rows, error)  { return nil, errors.ErrUnsupported }

func (s fakeStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.f.exec(ctx, s.query, args, false)
}

func (s fakeStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.f.query(ctx, s.query, args, false)
}

type fakeRows struct {
	columns []string
	rows    [][]driver.Value
}

func (r *fakeRows) Columns() []string { return r.columns }
func (r *fakeRows) Close() error      { return nil }

func (r *fakeRows) Next(dest []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dest, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

// open returns a store that has asked already what the database takes.
func open(t *testing.T, f *fake, d Dialect) *Store {
	t.Helper()
	return openWith(t, f, d, Options{})
}

func openWith(t *testing.T, f *fake, d Dialect, o Options) *Store {
	t.Helper()
	db := sql.OpenDB(f)
	t.Cleanup(func() { _ = db.Close() })
	s, err := New(db, d, o)
	if err != nil {
		t.Fatal(err)
	}
	s.probed.Store(sessionstore.DefaultMaxData)
	return s
}

// eachDialect runs a subtest on each.
func eachDialect(t *testing.T, run func(t *testing.T, d Dialect)) {
	t.Helper()
	for name, d := range map[string]Dialect{"SQLite": SQLite, "MySQL": MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			run(t, d)
		})
	}
}

// The errors of the drivers, as the store sees them.

type modernError struct{ code int }

func (e *modernError) Error() string { return "database is locked" }
func (e *modernError) Code() int     { return e.code }

type mattnError struct {
	Code         int
	ExtendedCode int
	err          string
}

func (e mattnError) Error() string { return e.err }

type mysqlError struct {
	Number  uint16
	Message string
}

func (e *mysqlError) Error() string { return e.Message }

var errNetwork = errors.New("connection reset")
