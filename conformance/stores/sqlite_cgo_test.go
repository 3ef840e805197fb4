//go:build cgo

package stores_test

import (
	"fmt"
	"net/url"

	_ "github.com/mattn/go-sqlite3" // the driver "sqlite3"
)

func init() { //nolint:gochecknoinits // where there is a C compiler
	sqliteDrivers["sqlite3"] = func(q url.Values, pragma string, value any) { q.Set("_"+pragma, fmt.Sprint(value)) }
}
