package sqlstore

import (
	"cmp"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// Options configure a [Store]. The zero value is right for almost everybody.
type Options struct {
	// Table is the table's name, without quotes, of at most 64 bytes. "" means
	// cloakroom_sessions.
	Table string

	// MaxData is the largest Record.Data in bytes that the store takes; above it
	// writes fail with session.ErrTooLarge. 0 means 8 MiB, the largest possible
	// value is 64 MiB. MySQL and MariaDB take 1 KiB less than their
	// max_allowed_packet in any case. Records stored under a higher limit stay
	// readable.
	MaxData int

	// PruneBatch is how many rows Prune looks at, and DeleteAll deletes, in one
	// statement. 0 means 1000, the largest possible value is 100,000.
	PruneBatch int

	// NoPreparedStatements has every statement sent as text. It is for a proxy that
	// reserves a connection for whoever prepares a statement, as Amazon RDS Proxy does, and for
	// so many tables and connections that five statements for each of both come near the
	// server's max_prepared_stmt_count, beyond which it prepares nobody's. With
	// go-sql-driver/mysql set interpolateParams as well. A Load or an Update of MariaDB takes
	// 1.1 to 1.2 times as long then.
	NoPreparedStatements bool
}

const (
	defaultTable      = "cloakroom_sessions"
	largestMaxData    = 64 << 20
	defaultPruneBatch = 1000
	largestPruneBatch = 100_000

	// maxTable is the longest name of a table in MySQL.
	maxTable = 64
)

// guard is the store's, of options that are resolved; the store explains.
func (o Options) guard() *sessionstore.Guard {
	return &sessionstore.Guard{Package: "sqlstore", MaxData: o.MaxData}
}

// resolved returns o with its defaults filled in.
func (o Options) resolved() (Options, error) {
	o.Table = cmp.Or(o.Table, defaultTable)
	o.MaxData = cmp.Or(o.MaxData, sessionstore.DefaultMaxData)
	o.PruneBatch = cmp.Or(o.PruneBatch, defaultPruneBatch)
	switch {
	case len(o.Table) > maxTable:
		return o, fmt.Errorf("sqlstore: Table has %d bytes, at most %d", len(o.Table), maxTable)
	case !utf8.ValidString(o.Table):
		return o, fmt.Errorf("sqlstore: Table %q is not UTF-8", o.Table)
	case strings.Contains(o.Table, "\x00"):
		return o, fmt.Errorf("sqlstore: Table %q has a NUL byte", o.Table)
	}
	return o, cmp.Or(
		o.guard().CheckLimit("MaxData", o.MaxData, largestMaxData),
		o.guard().CheckLimit("PruneBatch", o.PruneBatch, largestPruneBatch),
	)
}
