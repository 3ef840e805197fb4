package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// latest is the last expiry that a record can have.
var latest = time.Unix(1<<63/1_000_000_000-1, 0)

// No column of a table that somebody else has made need be NOT NULL. What can't be compared
// is not over, so that each row is either replaced and pruned, or read and judged.
const (
	overSQL    = `version <> 0 AND expires <= {now}`
	notOverSQL = `(` + overSQL + `) IS NOT TRUE`
	liveSQL    = `version <> 0 AND expires > {now}`
	notLiveSQL = `(` + liveSQL + `) IS NOT TRUE`
)

// rowsSQL reads several rows, so that none may be larger than a record.
const rowsSQL = `SELECT id, CASE WHEN LENGTH(data) <= {most} THEN data END, subject, expires, version FROM {table}
WHERE `

// A statement is SQL with the names and the numbers of the options. If it needs the
// time and the application's clock tells it, timed is true and the time is the last
// argument: {now} stands after every other argument's place.
type statement struct {
	sql      string
	timed    bool
	often    bool                     // a request needs it: it is kept prepared
	prepared atomic.Pointer[sql.Stmt] // nil before its first use
}

func (s *Store) statement(template string) *statement {
	return &statement{
		sql: strings.NewReplacer(
			"{table}", s.table,
			"{now}", s.d.now,
			"{latest}", strconv.FormatInt(s.time(latest), 10),
			"{most}", strconv.Itoa(largestMaxData),
			"{place}", s.d.place,
			"{batch}", strconv.Itoa(s.o.PruneBatch),
			"{page}", strconv.Itoa(scanPage),
		).Replace(template),
		timed: s.d.now == "?" && strings.Contains(template, "{now}"),
	}
}

// stmt returns what database/sql has prepared, and prepares again on each connection that
// has not seen it. It ends with the pool. A database takes longer to read most statements
// than to run them. Those that requests need are few, since servers limit how many are
// prepared. It is nil for a statement that goes as text, and for what can't be prepared:
// sent as text, that gets the error which says why.
func (s *Store) stmt(ctx context.Context, st *statement) *sql.Stmt {
	if !st.often || s.way.Load() != prepared {
		return nil
	}
	if p := st.prepared.Load(); p != nil {
		return p
	}
	p, err := s.db.PrepareContext(ctx, st.sql)
	if err != nil {
		if s.kind(err) == unprepared {
			s.turn(prepared)
		}
		return nil
	}
	if !st.prepared.CompareAndSwap(nil, p) {
		_ = p.Close() //nolint:sqlclosecheck // another call was first
	}
	return st.prepared.Load()
}

// The ways in which a store sends what requests need.
const (
	prepared int32 = iota
	asText         // since preparing was refused, until text is refused as well
	asTextAlone
)

// turn has all calls go the other way, since one was not run the way it went, and reports
// whether there is another. A server that refuses text as well may not do so because of
// what is prepared: a node of a Galera cluster that has lost the others refuses everything
// for a while, and where the driver prepares text itself, a server with no room for more
// still runs what it has.
func (s *Store) turn(from int32) bool {
	if from == asTextAlone {
		return false
	}
	s.way.CompareAndSwap(from, prepared+asText-from)
	return true
}

func (s *Store) args(st *statement, args []any) []any {
	if st.timed {
		args = append(args, s.time(time.Now()))
	}
	return args
}

func (s *Store) queryRow(ctx context.Context, st *statement, args ...any) *sql.Row {
	args = s.args(st, args)
	if p := s.stmt(ctx, st); p != nil { //nolint:sqlclosecheck // it is kept
		return p.QueryRowContext(ctx, args...)
	}
	return s.db.QueryRowContext(ctx, st.sql, args...)
}

func (s *Store) query(ctx context.Context, st *statement, args ...any) (*sql.Rows, error) {
	args = s.args(st, args)
	if p := s.stmt(ctx, st); p != nil { //nolint:sqlclosecheck // it is kept
		return p.QueryContext(ctx, args...) //nolint:wrapcheck // run does
	}
	return s.db.QueryContext(ctx, st.sql, args...) //nolint:wrapcheck // the same
}

// exec returns how many rows the statement has changed.
func (s *Store) exec(ctx context.Context, st *statement, args ...any) (int, error) {
	args = s.args(st, args)
	execute := func() (sql.Result, error) { return s.db.ExecContext(ctx, st.sql, args...) }
	if p := s.stmt(ctx, st); p != nil {
		execute = func() (sql.Result, error) { return p.ExecContext(ctx, args...) }
	}
	result, err := execute()
	if err != nil {
		return 0, err
	}
	n, err := result.RowsAffected()
	return int(n), err
}

// A row is a record, or the error that says why it is none.
type row struct {
	sessionstore.Entry

	err error
}

// rows returns what a query of whole records finds.
func (s *Store) rows(ctx context.Context, st *statement, args ...any) ([]row, error) {
	found, err := s.query(ctx, st, args...)
	if err != nil {
		return nil, err
	}
	defer func() { _ = found.Close() }() // Err has told already
	var rows []row
	for found.Next() {
		e, err := s.scan(found)
		if err != nil && !errors.Is(err, sessionstore.ErrCorrupt) {
			return nil, err
		}
		rows = append(rows, row{e, err})
	}
	return rows, found.Err() //nolint:wrapcheck // the same
}

// scan reads id, data, subject, expires and version. What is no record may still
// have its id.
func (s *Store) scan(row interface{ Scan(dest ...any) error }) (sessionstore.Entry, error) {
	var id, subject text
	var data blob
	var expires, version integer
	err := row.Scan(&id, &data, &subject, &expires, &version)
	if err == nil && s.foreign(id, subject, data, expires, version) || errors.Is(err, sessionstore.ErrCorrupt) {
		return sessionstore.Entry{ID: id.value}, errForeign
	}
	if err != nil {
		return sessionstore.Entry{}, err
	}
	return sessionstore.Entry{ID: id.value, Record: sessionstore.Record{
		Data:    data,
		Subject: subject.value,
		Expires: time.Unix(0, int64(expires)*int64(s.d.unit)).UTC(),
		Version: sessionstore.Version(version), //nolint:gosec // bits
	}}, nil
}

// foreign reports whether no record has these. In SQLite, bytes are equal to no text: neither
// Delete nor DeleteSubject would find the row.
func (s *Store) foreign(id, subject text, data blob, expires, version integer) bool {
	return version == 0 || int64(expires) > s.time(latest) || len(data) > largestMaxData ||
		sessionstore.CheckID(id.value) != nil || subject.value != "" && sessionstore.CheckSubject(subject.value) != nil ||
		!s.d.bytes && (id.bytes || subject.bytes)
}

// The columns of a row. SQLite keeps anything in any of them; database/sql would
// repeat in its error what it can't convert.
type (
	text struct {
		value string
		bytes bool // it has come as bytes
	}
	blob    []byte
	integer int64
)

// Scan implements [sql.Scanner].
func (t *text) Scan(v any) error {
	switch v := v.(type) {
	case string:
		*t = text{v, false}
	case []byte:
		*t = text{string(v), true}
	default:
		return errForeign
	}
	return nil
}

// Scan implements [sql.Scanner].
func (b *blob) Scan(v any) error {
	p, ok := v.([]byte)
	if !ok {
		return errForeign
	}
	*b = bytes.Clone(p) // it is the driver's
	return nil
}

// Scan implements [sql.Scanner].
func (i *integer) Scan(v any) error {
	switch v := v.(type) {
	case int64:
		*i = integer(v)
	case []byte: // MySQL's text protocol
		n, err := strconv.ParseInt(string(v), 10, 64)
		if err != nil {
			return errForeign
		}
		*i = integer(n)
	default:
		return errForeign
	}
	return nil
}

// text returns an argument for an id or a subject.
func (s *Store) text(v string) any {
	if s.d.bytes {
		return []byte(v)
	}
	return v
}

// data returns an argument for data: never NULL, and the store's own where a
// statement may go on after the method has returned.
func (s *Store) data(b []byte) []byte {
	switch {
	case b == nil:
		return []byte{}
	case s.d.blocks:
		return bytes.Clone(b)
	}
	return b
}

// time returns the first instant, from t on, that the column expires can express.
func (s *Store) time(t time.Time) int64 {
	unit := int64(s.d.unit)
	return (t.UnixNano() + unit - 1) / unit
}

// attempts is how often a statement is sent that the database keeps undoing.
// Between them, these wait for a quarter of a second at most.
const attempts = 9

// run calls f and returns its error as callers get it. It calls f again if the
// database has undone a statement for the sake of another, and once if it has not run it
// because of the way it went.
func run[T any](ctx context.Context, s *Store, f func() (T, error)) (T, error) {
	repeated := func() (T, error) {
		way, turned := s.way.Load(), false
		value, err := asked(ctx, s, f)
		for n := range attempts - 1 {
			again := false
			switch s.kind(err) {
			case undone, locked:
				again = pause(ctx, time.Millisecond<<n)
			case unprepared:
				again = s.turn(way) && !turned
				turned = true
			case other, duplicate, noTable, tooLarge, lost:
			}
			if !again {
				break
			}
			way = s.way.Load()
			value, err = asked(ctx, s, f)
		}
		return value, err
	}
	var value T
	var err error
	if s.d.blocks {
		value, err = sessionstore.Await(ctx, repeated)
	} else {
		value, err = repeated()
	}
	return value, s.guard.Wrap(ctx, err)
}

// asked calls f once it is known that the database gets arguments as they are: it would
// look for another id than the one it is given, and find none.
func asked[T any](ctx context.Context, s *Store, f func() (T, error)) (T, error) {
	_, err := s.maxData(ctx)
	if s.kind(err) == lost {
		_, err = s.maxData(ctx)
	}
	if err == nil {
		return f()
	}
	var none T
	return none, err
}

// unwatched returns the context for a statement that reads one record, which run leaves to
// come to its end if ctx is done. database/sql and the driver need not watch ctx as well,
// each in a goroutine of its own: that takes longer than to find the record. Where the pool
// has a limit, they do: whoever waits for a connection has to give up.
func (s *Store) unwatched(ctx context.Context) context.Context {
	if s.d.blocks && s.db.Stats().MaxOpenConnections == 0 {
		return context.WithoutCancel(ctx)
	}
	return ctx
}

// read is run for what only reads: it is also repeated, once, if its connection was lost.
func read[T any](ctx context.Context, s *Store, f func() (T, error)) (T, error) {
	return run(ctx, s, func() (T, error) {
		value, err := f()
		if s.kind(err) == lost {
			value, err = f()
		}
		return value, err
	})
}

// do is run for what has no result.
func (s *Store) do(ctx context.Context, f func() error) error {
	_, err := run(ctx, s, func() (struct{}, error) { return struct{}{}, f() })
	return err
}

// pause waits for a random time up to limit, and reports false if ctx is done
// before.
func pause(ctx context.Context, limit time.Duration) bool {
	timer := time.NewTimer(rand.N(limit)) //nolint:gosec // it only spreads the attempts
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
