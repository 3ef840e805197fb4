package postgresstore

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// A statement that changes a record locks its row first, which waits for other
// writers and finds what they have left; then it judges, writes, and tells what
// it met. Time is read from clock_timestamp, because now stands still in a
// transaction, and statement_timestamp while the lock is waited for.
const (
	lockSQL = `
WITH current AS (
	SELECT id, subject, expires, version FROM {table} WHERE id = $1 FOR UPDATE
)`
	verdictSQL = `
SELECT id, subject, expires, version, expires > clock_timestamp(), EXISTS (SELECT FROM written) FROM current`
)

// latest is the last expiry that a record can have. The statements that replace one judge it,
// as Load does, and don't look at the subject: what they write is not made of it.
var latest = time.Unix(1<<63/1_000_000_000-1, 0)

// atOnce runs a statement that writes one record if there is nothing in its way, and
// reports whether it has. It is the plainest one that does it; why it has not is for a
// statement to find out that locks the row first.
func (s *Store) atOnce(ctx context.Context, sql, id string, args ...any) (bool, error) {
	var echo string
	err := s.run(ctx, func() error {
		err := s.queryRow(ctx, sql, append([]any{id}, args...)...).Scan(&echo)
		if errors.Is(err, pgx.ErrNoRows) {
			echo, err = "", nil
		}
		return err
	})
	if err == nil && echo != "" && echo != id {
		err = errSwapped
	}
	return echo == id, err
}

// change runs a statement made of lockSQL, written and verdictSQL. It reports
// the version that the live record had, and whether it was written.
func (s *Store) change(ctx context.Context, sql, id string, args ...any) (sessionstore.Version, bool, error) {
	var echo, subject string
	var expires pgtype.Timestamptz
	var version int64
	var live, written bool
	err := s.run(ctx, func() error {
		return s.queryRow(ctx, sql, append([]any{id}, args...)...).Scan(&echo, &subject, &expires, &version, &live, &written)
	})
	switch {
	case err != nil:
	case echo != id:
		err = errSwapped
	case written:
	case version == 0, live && foreign(subject, expires, version):
		err = errForeign
	case !live:
		err = sessionstore.ErrNotFound
	}
	return sessionstore.Version(version), written, err //nolint:gosec // bits
}

// rowsSQL reads several rows, so that none may keep the others from being read: PostgreSQL
// can't send as text what is larger than half a gigabyte.
const rowsSQL = `
SELECT id, CASE WHEN octet_length(data) <= {most} THEN data END, subject, expires, version FROM {table}`

// scanEntry reads id, data, subject, expires and version. With errForeign it returns
// the id.
func scanEntry(row pgx.Row) (sessionstore.Entry, error) {
	var e sessionstore.Entry
	var expires pgtype.Timestamptz // a time.Time has no infinity
	var version int64
	if err := row.Scan(&e.ID, &e.Record.Data, &e.Record.Subject, &expires, &version); err != nil {
		return sessionstore.Entry{}, err //nolint:wrapcheck // run does
	}
	if foreign(e.Record.Subject, expires, version) || sessionstore.CheckID(e.ID) != nil ||
		e.Record.Data == nil || len(e.Record.Data) > largestMaxData {
		return sessionstore.Entry{ID: e.ID}, errForeign
	}
	e.Record.Expires = expires.Time.UTC()
	e.Record.Version = sessionstore.Version(version) //nolint:gosec // bits
	return e, nil
}

// foreign reports whether no record has these.
func foreign(subject string, expires pgtype.Timestamptz, version int64) bool {
	return version == 0 || expires.InfinityModifier != pgtype.Finite || expires.Time.After(latest) ||
		subject != "" && sessionstore.CheckSubject(subject) != nil
}

// How a statement is sent is the connection's own choice: pgx prepares it once and
// keeps it, unless the connection string says default_query_exec_mode=exec, for a pooler
// that keeps no prepared statements.

func (s *Store) queryRow(ctx context.Context, sql string, args ...any) pgx.Row {
	return s.db.QueryRow(ctx, s.sql(sql), args...)
}

func (s *Store) query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return s.db.Query(ctx, s.sql(sql), args...)
}

func (s *Store) exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	return s.db.Exec(ctx, s.sql(sql), args...)
}

// attempts is how often a statement is sent that the database keeps undoing.
// Between them, these wait for a quarter of a second at most.
const attempts = 9

// run calls f, which sends one statement, and returns its error as callers get
// it. It calls f again if the database has undone it for the sake of another
// transaction. In a transaction of the caller that is no use: the transaction
// is aborted, and the first error says why.
func (s *Store) run(ctx context.Context, f func() error) error {
	err := f()
	for n := range attempts - 1 {
		if !hasCode(err, serializationFailure, deadlockDetected) || !pause(ctx, time.Millisecond<<n) {
			break
		}
		again := f()
		if hasCode(again, inFailedTransaction) {
			break
		}
		err = again
	}
	return s.guard.Wrap(ctx, err)
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
