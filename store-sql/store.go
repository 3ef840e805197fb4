package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Store is a [sessionstore.Store] in a table of a SQL database. It is safe for
// concurrent use, also beside other Stores on the same table, in this process or
// another one.
type Store struct {
	db     *sql.DB
	d      *dialect
	o      Options
	guard  *sessionstore.Guard
	table  string       // quoted
	probed atomic.Int64 // what maxData has found out
	way    atomic.Int32 // in which it sends what requests need

	found                                                      *statement
	load, insert, replace, update, version, own, remove, touch *statement
	list, endLive, endRest, page                               *statement
	pruneEnd, prune, batchEnd, deleteLive, deleteRest          *statement
}

var (
	_ sessionstore.Toucher      = (*Store)(nil)
	_ sessionstore.Pruner       = (*Store)(nil)
	_ sessionstore.SubjectIndex = (*Store)(nil)
	_ sessionstore.AllDeleter   = (*Store)(nil)
	_ sessionstore.Scanner      = (*Store)(nil)
)

// New returns a store in a table that [Store.Migrate] has created or will create. It
// sends nothing to the database. The store does not close db.
func New(db *sql.DB, d Dialect, o Options) (*Store, error) {
	o, err := o.resolved()
	if err != nil {
		return nil, err
	}
	own, ok := dialects[d]
	if !ok {
		return nil, fmt.Errorf("sqlstore: no dialect %d: want sqlstore.SQLite or sqlstore.MySQL", d)
	}
	if db == nil {
		return nil, errors.New("sqlstore: db is nil: want what sql.Open has returned")
	}
	s := &Store{db: db, d: own, o: o, guard: o.guard(), table: quoted(own, o.Table)}
	s.guard.Explain = s.explain
	for st, template := range map[**statement]string{
		&s.found: foundSQL,
		&s.load:  loadSQL, &s.insert: insertSQL, &s.replace: replaceSQL, &s.update: updateSQL,
		&s.version: versionSQL, &s.own: ownSQL, &s.remove: deleteSQL, &s.touch: touchSQL,
		&s.list: listSQL, &s.endLive: endLiveSQL, &s.endRest: endRestSQL, &s.page: pageSQL,
		&s.pruneEnd: pruneEndSQL, &s.prune: pruneSQL, &s.batchEnd: batchEndSQL, &s.deleteLive: deleteLiveSQL, &s.deleteRest: deleteRestSQL,
	} {
		*st = s.statement(template)
	}
	for _, st := range []*statement{s.load, s.insert, s.update, s.touch, s.remove} {
		st.often = true
	}
	if o.NoPreparedStatements {
		s.way.Store(asTextAlone)
	}
	return s, nil
}

const loadSQL = `SELECT id, data, subject, expires, version FROM {table} WHERE id = ? AND ` + notOverSQL

// Load implements [sessionstore.Store].
func (s *Store) Load(ctx context.Context, id string) (sessionstore.Record, error) {
	if err := s.guard.Check(ctx, id); err != nil {
		return sessionstore.Record{}, err
	}
	e, err := read(ctx, s, func() (sessionstore.Entry, error) {
		return s.scan(s.queryRow(s.unwatched(ctx), s.load, s.text(id)))
	})
	switch {
	case err != nil:
		return sessionstore.Record{}, err
	case e.ID != id:
		return sessionstore.Record{}, errSwapped
	}
	return e.Record, nil
}

const (
	insertSQL = `INSERT INTO {table} (data, subject, expires, version, id) VALUES (?, ?, ?, ?, ?)`

	setSQL = `UPDATE {table} SET data = ?, subject = ?, expires = ?, version = ? WHERE id = ? AND `

	replaceSQL = setSQL + overSQL
)

// Create implements [sessionstore.Store].
func (s *Store) Create(ctx context.Context, id string, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	row := s.row(id, r)
	return s.do(ctx, func() error {
		if err := s.checkSize(ctx, r); err != nil {
			return err
		}
		for {
			_, err := s.exec(ctx, s.insert, row...)
			if s.kind(err) != duplicate {
				return err
			}
			replaced, err := s.exec(ctx, s.replace, row...)
			if err != nil || replaced > 0 {
				return err
			}
			// One that an earlier attempt has left counts also when it has expired: MySQL
			// counts no row that replace finds as it is to be.
			switch there, err := s.there(ctx, s.own, id, int64(r.Version)); { //nolint:gosec // bits
			case errors.Is(err, sessionstore.ErrNotFound): // it has gone in between
			case err != nil:
				return err
			case there == r.Version:
				return nil
			default:
				return sessionstore.ErrExists
			}
		}
	})
}

const (
	updateSQL = setSQL + `version = ? AND ` + liveSQL + ` AND expires <= {latest}`

	// All but the bytes of the data. In SQLite a part of no bytes is NULL.
	thereSQL = `SELECT id, CASE WHEN LENGTH(data) = 0 THEN data WHEN LENGTH(data) <= {most} THEN SUBSTR(data, 1, 1) END,
	subject, expires, version FROM {table} WHERE id = ? AND `
	versionSQL = thereSQL + notOverSQL
	ownSQL     = thereSQL + `(version = ? OR ` + notOverSQL + `)`
)

// Update implements [sessionstore.Store].
func (s *Store) Update(ctx context.Context, id string, old sessionstore.Version, r sessionstore.Record) error {
	if err := s.guard.CheckWrite(ctx, id, r); err != nil {
		return err
	}
	row := append(s.row(id, r), int64(old)) //nolint:gosec // bits
	return s.do(ctx, func() error {
		if err := s.checkSize(ctx, r); err != nil {
			return err
		}
		written, err := s.exec(ctx, s.update, row...)
		if err != nil || written > 0 {
			return err
		}
		there, err := s.live(ctx, id)
		if err == nil && there != r.Version {
			err = sessionstore.ErrConflict
		}
		return err
	})
}

// live returns the version of the live record under id, after a statement that has
// matched no row.
func (s *Store) live(ctx context.Context, id string) (sessionstore.Version, error) {
	return s.there(ctx, s.version, id)
}

// there is live for a statement that has more arguments.
func (s *Store) there(ctx context.Context, st *statement, id string, more ...any) (sessionstore.Version, error) {
	e, err := s.scan(s.queryRow(ctx, st, append([]any{s.text(id)}, more...)...))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return 0, sessionstore.ErrNotFound
	case err != nil:
		return 0, err
	case e.ID != id:
		return 0, errSwapped
	}
	return e.Record.Version, nil
}

const deleteSQL = `DELETE FROM {table} WHERE id = ?`

// Delete implements [sessionstore.Store].
func (s *Store) Delete(ctx context.Context, id string) error {
	if err := s.guard.Check(ctx, id); err != nil {
		return err
	}
	return s.do(ctx, func() error {
		_, err := s.exec(ctx, s.remove, s.text(id))
		return err
	})
}

func (s *Store) checkSize(ctx context.Context, r sessionstore.Record) error {
	most, err := s.maxData(ctx)
	if err == nil && len(r.Data) > most {
		err = fmt.Errorf("%w: %d bytes of data, the store takes %d", sessionstore.ErrTooLarge, len(r.Data), most)
	}
	return err
}

// row returns the arguments of insertSQL and setSQL.
func (s *Store) row(id string, r sessionstore.Record) []any {
	return []any{s.data(r.Data), s.text(r.Subject), s.time(r.Expires), int64(r.Version), s.text(id)} //nolint:gosec // bits
}

func quoted(d *dialect, name string) string {
	return d.quote + strings.ReplaceAll(name, d.quote, d.quote+d.quote) + d.quote
}
