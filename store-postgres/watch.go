package postgresstore

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// The statement that ends a record sends its id: nothing ends without a word, and nobody
// is told before it is committed. What is no id is nobody's to wait for: PostgreSQL has no
// room for a long one, and would undo the statement.

const (
	deletedSQL   = ` RETURNING CASE WHEN octet_length(kept.id) = 43 THEN pg_notify({channel}, kept.id) END`
	givenAwaySQL = `,
		CASE WHEN current.subject <> kept.subject OR current.expires > kept.expires THEN pg_notify({channel}, kept.id) END`

	notifySQL = `SELECT pg_notify($1, $2)`
)

const (
	// quiet is how long nothing comes until the connection is tried.
	quiet = 30 * time.Second

	// soon is how long an answer may take, or a notification.
	soon = 10 * time.Second
)

var (
	errPooled = errors.New("the connection is a pooler's, which drops notifications: " +
		"set Options.Listen to one that leads to the database")
	errUnheard  = errors.New("no notification arrives on the connection: does Options.Listen lead to the same database?")
	errDiverted = errors.New("the connection has an OnNotification: set Options.Listen to one that has none")
)

// tell is what the statements that end records have in addition.
type tell struct{ deleted, givenAway string }

func (o Options) tell() tell {
	if !o.Notify {
		return tell{}
	}
	in := strings.NewReplacer("{channel}", o.channelSQL())
	return tell{deleted: in.Replace(deletedSQL), givenAway: in.Replace(givenAwaySQL)}
}

// channelSQL is the name of the channel, in SQL: that of the table itself, by whatever
// name a process and its search_path know it.
func (o Options) channelSQL() string {
	table := strings.NewReplacer(`'`, `''`, `\`, `\\`).Replace(quoted(o))
	return `'cloakroom_' || E'` + table + `'::regclass::oid`
}

// Watch implements [sessionstore.Watcher], if Options.Notify is set. It needs a connection
// of its own: that of Options.Listen, or one that it takes out of the pool, which may
// then make another. It sends a notification and begins when that has arrived, so that an
// error says what is missing. Without either connection Watch gives
// sessionstore.ErrUnsupported.
func (s *Store) Watch(ctx context.Context, changed func(id string)) error {
	if !s.o.Notify {
		return fmt.Errorf("%w: Options.Notify is not set", sessionstore.ErrUnsupported)
	}
	listen := s.o.Listen
	if pool, ok := s.db.(*pgxpool.Pool); ok && listen == nil {
		listen = func(ctx context.Context) (*pgx.Conn, error) { return taken(ctx, pool) }
	}
	if listen == nil {
		return fmt.Errorf("%w: Watch by way of a %T without Options.Listen", sessionstore.ErrUnsupported, s.db)
	}
	if err := s.guard.CheckContext(ctx); err != nil {
		return err
	}
	conn, err := listen(ctx)
	if err != nil {
		return s.guard.Wrap(ctx, err)
	}
	defer func() {
		ctx, cancel := context.WithTimeout(ctx, time.Second)
		defer cancel()
		_ = conn.Close(ctx) // nothing is left to be said
	}()
	return s.guard.Wrap(ctx, s.hear(ctx, conn, changed))
}

// taken returns a connection that the pool no longer knows.
func taken(ctx context.Context, pool *pgxpool.Pool) (*pgx.Conn, error) {
	conn, err := pool.Acquire(ctx)
	if err != nil {
		return nil, err //nolint:wrapcheck // Watch does
	}
	return conn.Hijack(), nil
}

// hear reports what arrives, until ctx is done or the connection fails.
func (s *Store) hear(ctx context.Context, conn *pgx.Conn, changed func(id string)) error {
	channel, err := s.listen(ctx, conn)
	if err != nil {
		return err
	}
	word, begun := rand.Text(), false
	if _, err := s.exec(ctx, notifySQL, channel, word); err != nil {
		return err
	}
	for wait := soon; ; {
		n, err := within(ctx, wait, conn.WaitForNotification)
		switch {
		case err != nil && (ctx.Err() != nil || !pgconn.Timeout(err)):
			return err
		case err != nil && !begun:
			return errUnheard
		case err != nil:
			if _, err := within(ctx, soon, func(ctx context.Context) (any, error) { return nil, conn.Ping(ctx) }); err != nil {
				return err
			}
		case n == nil:
			return errDiverted
		case n.Channel == channel && n.Payload == word:
			begun, wait = true, quiet
			changed("")
		case n.Channel == channel && begun && sessionstore.CheckID(n.Payload) == nil: // not the word of another who begins
			changed(n.Payload)
		}
	}
}

// listen has the connection listen, and returns to what.
func (s *Store) listen(ctx context.Context, conn *pgx.Conn) (channel string, err error) {
	var pid uint32
	// A pooler doesn't tell its clients which server they are given.
	if err := conn.QueryRow(ctx, `SELECT pg_backend_pid()`, pgx.QueryExecModeExec).Scan(&pid); err != nil {
		return "", err //nolint:wrapcheck // Watch does
	}
	if pid != conn.PgConn().PID() {
		return "", errPooled
	}
	if err := s.queryRow(ctx, `SELECT `+s.o.channelSQL()).Scan(&channel); err != nil {
		return "", err //nolint:wrapcheck // Watch does
	}
	_, err = conn.Exec(ctx, `LISTEN `+pgx.Identifier{channel}.Sanitize())
	return channel, err //nolint:wrapcheck // Watch does
}

// within calls f, which has so long.
func within[T any](ctx context.Context, limit time.Duration, f func(context.Context) (T, error)) (T, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return f(ctx)
}
