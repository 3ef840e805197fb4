// Package postgresstore keeps sessions in a table of PostgreSQL, version 14 or
// later. It has every capability. It suits applications that have a database
// anyway, and want their sessions to be as durable as their other data.
//
//	pool, err := pgxpool.New(ctx, "postgres://shop@db/shop")
//	…
//	store, err := postgresstore.New(pool, postgresstore.Options{})
//	…
//	err = store.Migrate(ctx)
//
// # Guarantees
//
// Each method is one statement and one round trip, Prune and DeleteAll one for each batch. A
// write judges and changes a row while it holds its lock, so that of several
// concurrent writes none is lost. No statement fails over a record that exists
// already or has gone, so that a method may be called on a [pgx.Tx] without
// aborting it. Its lock is then held until the transaction ends.
//
// The database's clock judges expiry, whatever the clocks of the applications
// say. Expiry is kept in microseconds, rounded up.
//
// An acknowledged write is as durable as the database makes a commit. With
// synchronous_commit off, or after a failover to a replica that lagged behind,
// the last moments are lost, and a session that was ended in them is back. Don't
// give New a pool that reads from a replica.
//
// # Connections
//
// The connection decides how a statement is sent. pgx prepares each once and keeps it,
// which saves the database from planning it anew. A pooler that shares connections
// between transactions may lose prepared statements, as PgBouncer before 1.21 does: put
// default_query_exec_mode=exec into the connection string there. An error of the store's
// says so, too. A [pgx.Conn] and a [pgx.Tx] serve one
// call at a time; concurrent callers need a pool.
//
// # Notifications
//
// With Options.Notify, the statements that end records notify of them, when their
// transaction is committed. Watch listens on a connection of its own. A transaction that
// has notified can't be prepared for a two-phase commit.
//
// # Errors
//
// When the database reports that it has undone a statement for the sake of
// another (40001, 40P01), the store repeats it a few times. Everything else that
// the database reports is wrapped, and found with errors.As and
// [pgconn.PgError]. If the table is missing, the error says so and names
// [Store.Migrate].
//
// A row that no store writes, with an expiry of infinity or beyond 2262, for instance,
// gives [sessionstore.ErrCorrupt].
package postgresstore
