package sqlstore

import (
	"context"
	"database/sql"
	_ "embed" // for the schemas
	"errors"
	"fmt"
	"math"
	"time"
)

// A Dialect is the SQL that a database speaks.
type Dialect int

const (
	// SQLite is the dialect of SQLite 3.35 and later.
	SQLite Dialect = iota + 1

	// MySQL is the dialect of MySQL 8 and of MariaDB 10.6, and of later ones.
	MySQL
)

var (
	//go:embed schema_sqlite.sql
	sqliteSchema string
	//go:embed schema_mysql.sql
	mysqlSchema string
)

// A dialect is what a database has of its own.
type dialect struct {
	quote  string        // what a name stands in
	schema string        // statements, each of which ends with a semicolon
	now    string        // the present time in SQL, or a place for the application's
	unit   time.Duration // of the column expires
	place  string        // what the rows are kept in the order of
	first  any           // is before every place
	bytes  bool          // text goes to the server as bytes, which it converts to no other character set

	// blocks says that drivers wait for locks without regard to contexts.
	blocks bool

	// probe finds out what the database takes, or that it can't be used.
	probe func(ctx context.Context, db *sql.DB) (maxData int, err error)

	// prepares finds out whether the arguments of a prepared statement get there as they
	// are. It is nil where they do.
	prepares func(ctx context.Context, db *sql.DB) (bool, error)

	// kind tells what the number and the text of an error mean.
	kind func(number int, text string) kind
}

var dialects = map[Dialect]*dialect{
	SQLite: {
		quote:  `"`,
		schema: sqliteSchema,
		now:    "?",
		unit:   time.Nanosecond,
		place:  "rowid",
		first:  int64(math.MinInt64),
		blocks: true,
		probe:  probeSQLite,
		kind:   kindInSQLite,
	},
	MySQL: {
		quote:  "`",
		schema: mysqlSchema,
		// It is the same throughout a statement, and so can be looked up in an index.
		now:   `TIMESTAMPDIFF(MICROSECOND, TIMESTAMP'1970-01-01 00:00:00', UTC_TIMESTAMP(6))`,
		unit:  time.Microsecond,
		place: "id",
		first: []byte{},
		bytes: true,
		probe: probeMySQL,
		kind:  kindInMySQL,

		prepares: mysqlPrepares,
	},
}

var (
	errInMemory = errors.New("the database is in memory, and each connection of the pool has one of its own: " +
		"use a file, or package memstore")
	errConverts = errors.New("the connection changes bytes on their way to the database: its character_set_client is not its " +
		"character_set_connection, or one such as gbk and sjis, in which a backslash may be half of a letter: use utf8mb4")
	errAutocommit = errors.New("autocommit is off, and what is written would not be committed: " +
		"leave it on for this *sql.DB")
	errEmptyIsNull = errors.New("to the connection an empty string is NULL: leave EMPTY_STRING_IS_NULL out of its sql_mode")
)

func probeSQLite(ctx context.Context, db *sql.DB) (int, error) {
	var file string
	err := db.QueryRowContext(ctx, `SELECT coalesce(file, '') FROM pragma_database_list WHERE name = 'main'`).Scan(&file)
	if err == nil && file == "" {
		err = errInMemory
	}
	return largestMaxData, err
}

// packetRest is the part of a packet that holds no data: the statement and the
// other arguments.
const packetRest = 1 << 10

// sentProbe is what reaches the database as it is from any connection that can be used. It
// has every byte: of two character sets some differ in a few. And it has bytes that are the
// first half of a letter in gbk, sjis or big5: there a backslash that follows is the other
// half. The driver, to which it is none, doubles it, and the second one makes a new line of
// the n.
var sentProbe = func() (b []byte) {
	for i := range 1 << 8 {
		b = append(b, byte(i))
	}
	return append(b, "\xff\x81\\n\xa1\\n"...)
}()

func probeMySQL(ctx context.Context, db *sql.DB) (int, error) {
	var autocommit, packet int
	var sent string
	var empty sql.NullString
	err := db.QueryRowContext(ctx, `SELECT @@autocommit, @@max_allowed_packet, HEX(?), ''`, sentProbe).
		Scan(&autocommit, &packet, &sent, &empty)
	switch {
	case err != nil:
		return 0, err //nolint:wrapcheck // run does
	case autocommit == 0:
		return 0, errAutocommit
	case sent != fmt.Sprintf("%X", sentProbe):
		return 0, errConverts
	case !empty.Valid:
		return 0, errEmptyIsNull
	}
	return packet - packetRest, nil
}

// mysqlPrepares is needed although probeMySQL asks the same: there the driver may have put
// the argument into the text.
func mysqlPrepares(ctx context.Context, db *sql.DB) (bool, error) {
	p, err := db.PrepareContext(ctx, `SELECT HEX(?)`)
	if err != nil {
		return false, err //nolint:wrapcheck // the same
	}
	defer func() { _ = p.Close() }() // it has answered
	var sent string
	err = p.QueryRowContext(ctx, sentProbe).Scan(&sent)
	return sent == fmt.Sprintf("%X", sentProbe), err //nolint:wrapcheck // the same
}

// maxData returns the largest data of a record that the database takes. It asks the
// database before anything else, once.
func (s *Store) maxData(ctx context.Context) (int, error) {
	if known := s.probed.Load(); known > 0 {
		return int(known), nil
	}
	most, err := s.d.probe(ctx, s.db)
	if err != nil {
		return 0, err
	}
	if s.d.prepares != nil && s.way.Load() != asTextAlone {
		prepares, err := s.d.prepares(ctx, s.db)
		if err != nil && numberOf(err) == 0 { // else the server has refused it, and has taken text
			return 0, err
		}
		if !prepares {
			s.way.Store(asTextAlone)
		}
	}
	most = min(most, s.o.MaxData)
	if most <= 0 {
		return 0, fmt.Errorf("the database takes no more than %d bytes in one packet: raise max_allowed_packet", most+packetRest)
	}
	s.probed.Store(int64(most))
	return most, nil
}
