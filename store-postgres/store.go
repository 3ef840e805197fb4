package postgresstore

import (
	"context"
	"errors"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// DB is what the store needs of pgx: a [pgxpool.Pool], a [pgx.Conn] or a
// [pgx.Tx], whose documentation says what the methods do.
//
// [pgxpool.Pool]: https://pkg.go.dev/github.com/jackc/pgx/v5/pgxpool#Pool
type DB interface {
	// Exec sends a statement that returns no rows.
	Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error)
	// Query sends a statement that returns rows.
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
	// QueryRow sends a statement that returns one row.
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// Store is a [sessionstore.Store] in a table of PostgreSQL. It is as safe for
// concurrent use as the DB that it was made with.
type Store struct {
	db    DB
	o     Options
	guard *sessionstore.Guard
	table string // quoted
	tell  tell

	statements sync.Map // of the table, by template
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
	_ sessionstore.Watcher      = (*Store)(nil)
)

// New returns a store in a table that [Store.Migrate] has created or will
// create. It sends nothing to the database, and returns an error if db is nil or an
// option can't work. The store does not close db.
func New(db DB, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	if v := reflect.ValueOf(db); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return nil, errors.New("postgresstore: db is nil: want a *pgxpool.Pool, *pgx.Conn or pgx.Tx")
	}
	return &Store{db: db, o: o, guard: o.guard(), table: quoted(o), tell: o.tell()}, nil
}

const loadSQL = `
SELECT id, data, subject, expires, version FROM {table}
WHERE id = $1 AND (expires > clock_timestamp() OR version = 0)`

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	var e sessionstore.Entry
	err := s.run(ctx, func() (err error) {
		e, err = scanEntry(s.queryRow(ctx, loadSQL, id))
		return err
	})
	switch {
	case err != nil:
		return sessionstore.Record{}, err
	case e.ID != id:
		return sessionstore.Record{}, errSwapped
	}
	return e.Record, nil
}

const insertSQL = `
INSERT INTO {table} (id, data, subject, expires, version) VALUES ($1, $2, $3, $4, $5)
ON CONFLICT (id) DO NOTHING RETURNING id`

// A conflict is resolved on the locked row, but the statement's last line sees
// the table as it was at the start: good enough for a row that nobody writes.
// A version that is there already keeps all that it has.
const createSQL = `
WITH created AS (
	INSERT INTO {table} AS kept (id, data, subject, expires, version) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (id) DO UPDATE SET (data, subject, expires, version) = (
		SELECT CASE WHEN live THEN kept.data ELSE excluded.data END,
			CASE WHEN live THEN kept.subject ELSE excluded.subject END,
			CASE WHEN live THEN kept.expires ELSE excluded.expires END,
			excluded.version
		FROM (SELECT kept.expires > clock_timestamp() AS live) AS now
	)
	WHERE kept.version <> 0 AND (kept.expires <= clock_timestamp() OR kept.version = excluded.version)
	RETURNING id
)
SELECT $1::text, EXISTS (SELECT FROM created), EXISTS (SELECT FROM {table} WHERE id = $1
	AND (version = 0 OR expires > clock_timestamp()
		AND (expires > {latest} OR octet_length(subject) > 255 OR octet_length(data) > {most})))`

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	data, expires, version := notNil(r.Data), roundUp(r.Expires), int64(r.Version) //nolint:gosec // bits
	if done, err := s.atOnce(ctx, insertSQL, id, data, r.Subject, expires, version); done || err != nil {
		return err
	}
	var echo string
	var created, corrupt bool
	err := s.run(ctx, func() error {
		return s.queryRow(ctx, createSQL, id, data, r.Subject, expires, version).Scan(&echo, &created, &corrupt)
	})
	switch {
	case err != nil:
		return err
	case echo != id:
		return errSwapped
	case corrupt:
		return errForeign
	case !created:
		return sessionstore.ErrExists
	}
	return nil
}

const replaceSQL = `
UPDATE {table} SET data = $2, subject = $3, expires = $4, version = $5
WHERE id = $1 AND version = $6 AND expires > clock_timestamp() AND expires <= {latest} RETURNING id`

const updateSQL = lockSQL + `, written AS (
	UPDATE {table} AS kept SET data = $2, subject = $3, expires = $4, version = $5 FROM current
	WHERE kept.id = current.id AND current.version = $6 AND current.version <> 0
		AND current.expires > clock_timestamp() AND current.expires <= {latest}
	RETURNING kept.id{given away}
)` + verdictSQL

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	data, expires := notNil(r.Data), roundUp(r.Expires)
	version, over := int64(r.Version), int64(old) //nolint:gosec // bits
	if old != 0 && !s.o.Notify {                  // only who has locked the row knows what it was before
		if done, err := s.atOnce(ctx, replaceSQL, id, data, r.Subject, expires, version, over); done || err != nil {
			return err
		}
	}
	was, written, err := s.change(ctx, updateSQL, id, data, r.Subject, expires, version, over)
	switch {
	case err != nil:
		return err
	case !written && was != r.Version:
		return sessionstore.ErrConflict
	}
	return nil
}

const deleteSQL = `DELETE FROM {table} AS kept WHERE id = $1{deleted}`

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.run(ctx, func() error {
		_, err := s.exec(ctx, deleteSQL, id)
		return err
	})
}

// notNil keeps empty data from becoming NULL.
func notNil(data []byte) []byte {
	if data == nil {
		return []byte{}
	}
	return data
}

// roundUp returns the first instant, from t on, that timestamptz can express.
func roundUp(t time.Time) time.Time {
	return t.Add(time.Microsecond - 1).Truncate(time.Microsecond).UTC()
}

// sql returns a statement about the store's table.
func (s *Store) sql(template string) string {
	if sql, ok := s.statements.Load(template); ok {
		return sql.(string) //nolint:forcetypeassert,errcheck // nothing else is kept
	}
	sql := strings.NewReplacer("{table}", s.table, "{deleted}", s.tell.deleted, "{given away}", s.tell.givenAway,
		"{most}", strconv.Itoa(largestMaxData), "{latest}", latest.UTC().Format("'2006-01-02 15:04:05+00'")).Replace(template)
	s.statements.Store(template, sql)
	return sql
}
