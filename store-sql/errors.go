package sqlstore

import (
	"database/sql"
	"errors"
	"fmt"
	"reflect"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

var (
	errForeign = fmt.Errorf("%w: a row with an id, data, a subject, an expiry or a version that no record has", sessionstore.ErrCorrupt)
	errSwapped = fmt.Errorf("%w: the answer is about another session", sessionstore.ErrCorrupt)
)

// A kind is what an error of the database means to the store.
type kind int

const (
	other      kind = iota
	duplicate       // a row with this id is there
	undone          // for the sake of another statement: it may be repeated
	locked          // by another connection: it may be repeated
	noTable         // or another one
	tooLarge        // for a packet; nothing was written
	lost            // with its connection: a read may be repeated
	unprepared      // and not run: it may be repeated as text
)

// Result codes, from sqlite.org/rescode.html.
const (
	sqliteError         = 1
	sqliteBusy          = 5
	sqliteLocked        = 6
	sqliteSchemaChanged = 17   // by others, once too often while a statement was compiled
	sqlitePrimary       = 0xff // the bits of the primary code in an extended one
	sqlitePrimaryKey    = 1555 // a constraint
	sqliteUnique        = 2067 // another one
)

func kindInSQLite(number int, text string) kind {
	switch {
	case number == sqlitePrimaryKey, number == sqliteUnique:
		return duplicate
	case number&sqlitePrimary == sqliteBusy, number&sqlitePrimary == sqliteLocked:
		return locked
	case number != sqliteError && number != sqliteSchemaChanged:
	case strings.Contains(text, "no such table"), strings.Contains(text, "no such column"), strings.Contains(text, "has no column named"):
		return noTable
	}
	return other
}

// Error numbers, from the reference of MySQL's errors. MariaDB has the same.
const (
	erDupEntry        = 1062
	erCheckRead       = 1020 // MariaDB: changed since the snapshot
	erLockWaitTimeout = 1205
	erLockDeadlock    = 1213
	erBadField        = 1054
	erNoSuchTable     = 1146
	erPacketTooLarge  = 1153
	erUnknownCommand  = 1047 // of a proxy that prepares nothing
	erNotSupported    = 1235 // the same
	erUnknownPrepared = 1243 // a proxy has passed it to another connection of the server
	erCannotPrepare   = 1295
	erTooManyPrepared = 1461 // max_prepared_stmt_count
	erPrepareAgain    = 1615 // and the server could not
)

func kindInMySQL(number int, _ string) kind {
	switch number {
	case erDupEntry:
		return duplicate
	case erLockDeadlock, erLockWaitTimeout, erCheckRead:
		return undone
	case erBadField, erNoSuchTable:
		return noTable
	case erPacketTooLarge:
		return tooLarge
	case erUnknownCommand, erNotSupported, erUnknownPrepared, erCannotPrepare, erTooManyPrepared, erPrepareAgain:
		return unprepared
	}
	return other
}

// kind tells what an error of the driver means.
func (s *Store) kind(err error) kind {
	if number := numberOf(err); number != 0 {
		return s.d.kind(number, err.Error())
	}
	if err != nil && err.Error() == invalidConn {
		return lost
	}
	return other
}

// invalidConn is the error of go-sql-driver/mysql for a connection that the server, or
// something on the way to it, had closed when a statement was sent. database/sql repeats
// nothing then, because the statement may have arrived.
const invalidConn = "invalid connection"

// numberOf returns the database's own number in an error of a driver, or 0. The
// store imports no driver, and their errors share no interface: it looks where
// modernc.org/sqlite, mattn/go-sqlite3 and go-sql-driver/mysql keep the number.
func numberOf(err error) int {
	for ; err != nil; err = errors.Unwrap(err) {
		if e, ok := err.(interface{ Code() int }); ok {
			return e.Code()
		}
		v := reflect.Indirect(reflect.ValueOf(err))
		if v.Kind() != reflect.Struct {
			continue
		}
		for i := range v.NumField() {
			switch f, name := v.Field(i), v.Type().Field(i).Name; {
			case name != "ExtendedCode" && name != "Number":
			case f.CanInt():
				return int(f.Int())
			case f.CanUint():
				return int(f.Uint()) //nolint:gosec // 16 bits
			}
		}
	}
	return 0
}

// explain turns an error of the driver into one of the contract where it is certain
// what has happened, and says what to do where that is known.
func (s *Store) explain(err error) error {
	if errors.Is(err, sql.ErrNoRows) {
		return sessionstore.ErrNotFound
	}
	switch s.kind(err) {
	case tooLarge:
		return fmt.Errorf("%w: more than the server's max_allowed_packet: %w", sessionstore.ErrTooLarge, err)
	case noTable:
		return fmt.Errorf("table %s is missing or not the store's: call Migrate: %w", s.table, err)
	case locked:
		return fmt.Errorf("another connection keeps the database locked (is busy_timeout set?): %w", err)
	case other, duplicate, undone, lost, unprepared:
	}
	return err
}
