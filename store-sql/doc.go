// Package sqlstore keeps sessions in a table of SQLite 3.35, MySQL 8 or MariaDB
// 10.6, or later ones, through database/sql. It has every capability but Watch. It suits
// programs that are one binary and want one file, and applications that have such
// a database anyway. The driver is the application's: the module requires none.
//
//	db, err := sql.Open("sqlite", "file:shop.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
//	…
//	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
//	…
//	err = store.Migrate(ctx)
//
// For PostgreSQL there is a module of its own.
//
// # Guarantees
//
// A write is one statement that names the version that it replaces, so that of several
// concurrent writes none is lost. Only where it matches no row, a second one asks for
// the reason. No method begins a transaction, but for Migrate.
//
// On MySQL and MariaDB the database's clock judges expiry, whatever the clocks and
// time zones of the applications say. On SQLite, which has one machine, it is that
// machine's. Expiry is an integer: nanoseconds since 1970 in SQLite, microseconds,
// rounded up, in the others. Ids and subjects are compared byte by byte, whatever the
// database's collation.
//
// An acknowledged write is as durable as the database makes a commit: see synchronous
// in SQLite, innodb_flush_log_at_trx_commit in the others. Don't give New a connection
// to a replica.
//
// # Connections
//
// The store sends its statements with their arguments through [database/sql.DB]. It works
// with any number of connections, also with one. It keeps those that requests need
// prepared, five on each connection, until db is closed: make one Store for a table, not
// one for each request. The others go as text, and so do all of them once a server or a
// proxy has refused to prepare one, until it refuses text as well, or where it would change
// the arguments. All programs share what a MySQL server prepares at most: for many tables or
// connections see [Options.NoPreparedStatements].
//
// Only drivers of SQLite can't be interrupted in everything that they wait for: there, a
// method returns when its context is done, and the statement comes to its end in a
// goroutine of its own.
//
// A SQLite database in memory is refused, because each connection of the pool would
// have one of its own. Connections with autocommit off are refused, because they would
// keep what they write to themselves, and those that change the bytes of an argument: from
// one character set to another, by one in which a backslash may be half of a letter, or
// because an empty string is NULL to them.
//
// # Errors
//
// When the database reports that it has undone a statement for the sake of another
// (1213, 1205), or another connection has SQLite's lock (SQLITE_BUSY), the store repeats the
// statement a few times. It repeats a read, once, whose connection was lost: go-sql-driver
// says "invalid connection". Everything else that the driver reports is wrapped, and
// found with errors.As. If the table is missing, the error says so and names
// [Store.Migrate].
//
// A row that no store writes, with an expiry beyond 2262 or, in SQLite, a subject that is
// bytes, for instance, gives [sessionstore.ErrCorrupt].
package sqlstore
