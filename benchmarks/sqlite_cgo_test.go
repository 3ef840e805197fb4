//go:build cgo

package benchmarks

import _ "github.com/mattn/go-sqlite3" // the driver "sqlite3"

func init() { // where there is a C compiler
	sqlitePragmas["sqlite3"] = "?_busy_timeout=5000&_journal_mode=WAL&_synchronous=FULL"
}
