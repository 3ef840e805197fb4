package postgresstore

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// Schema is the schema of the table, without quotes. It must exist. ""
	// means the first one in the connection's search_path that has the table.
	Schema string

	// Table is the table's name, without quotes, of at most 55 bytes, so that
	// the name of its index isn't cut. "" means cloakroom_sessions.
	Table string

	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means 8 MiB, the largest possible
	// value is 64 MiB. Records stored under a higher limit stay readable.
	MaxData int

	// PruneBatch is how many rows Prune and DeleteAll delete in one statement. 0
	// means 1000, the largest possible value is 100,000.
	PruneBatch int

	// Notify has the statements that end records send their ids with NOTIFY, for Watch to
	// report. Set it in every process that ends sessions, and in those that watch. It
	// costs no statement more. PostgreSQL lets one transaction after the other commit that
	// has something to notify of.
	Notify bool

	// Listen returns a connection to the same database for Watch, which closes it. It must
	// not be one by way of a pooler in transaction mode, which drops what arrives between
	// transactions. If nil, Watch takes one from the pool that New was given.
	Listen func(ctx context.Context) (*pgx.Conn, error)
}

const (
	defaultTable      = "cloakroom_sessions"
	largestMaxData    = 64 << 20
	defaultPruneBatch = 1000
	largestPruneBatch = 100_000

	// maxIdentifier is how many bytes of a name PostgreSQL keeps; it cuts the
	// rest without an error.
	maxIdentifier = 63
	maxTable      = maxIdentifier - len("_subject")
)

// guard is the store's, of options that are resolved.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "postgresstore", MaxData: o.MaxData, Explain: o.explain}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.Table = cmp.Or(o.Table, defaultTable)
	o.MaxData = cmp.Or(o.MaxData, sessionstore.DefaultMaxData)
	o.PruneBatch = cmp.Or(o.PruneBatch, defaultPruneBatch)
	return o, cmp.Or(
		checkName("Schema", o.Schema, maxIdentifier),
		checkName("Table", o.Table, maxTable),
		o.guard().CheckLimit("MaxData", o.MaxData, largestMaxData),
		o.guard().CheckLimit("PruneBatch", o.PruneBatch, largestPruneBatch),
	)
}

// checkName refuses what can't be an identifier even in quotes.
func checkName(option, name string, longest int) error {
	switch {
	case len(name) > longest:
		return fmt.Errorf("postgresstore: %s has %d bytes, at most %d", option, len(name), longest)
	case !utf8.ValidString(name):
		return fmt.Errorf("postgresstore: %s %q is not UTF-8", option, name)
	case strings.Contains(name, "\x00"):
		return fmt.Errorf("postgresstore: %s %q has a NUL byte", option, name)
	}
	return nil
}
