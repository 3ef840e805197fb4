package stores_test

import (
	"testing"
	"time"

	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// mysqlForeign are rows that only MySQL and MariaDB keep like this.
var mysqlForeign = map[string]sqlRow{ //nolint:gochecknoglobals // a table
	"an id of bytes":            {id: `X'FF'`, hidden: true},
	"a moment after any record": {expires: `9223372035000001`},
	"an expiry that overflows":  {expires: `9223372036854776`},
}

// mysqlLoose has a table that takes anything, with each way of sending statements.
func mysqlLoose(t *testing.T, f func(t *testing.T, table sqlTable)) {
	t.Helper()
	for name, text := range map[string]bool{"text": true, "prepared": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := mysqlServer(t)
			server.InterpolateParams = text
			db := mysqlDB(t, server)
			table := mysqlTable(t, db)
			sqlExec(t, db, "DROP TABLE `"+table+"`")
			sqlExec(t, db, "CREATE TABLE `"+table+"` (id VARBINARY(500) NOT NULL PRIMARY KEY, data LONGBLOB, "+
				"subject VARBINARY(500), expires BIGINT, version BIGINT, KEY subject (subject))")
			f(t, sqlTable{db: db, name: table, unit: time.Microsecond, store: sqlStore(t, db, sqlstore.MySQL, sqlstore.Options{
				Table: table, NoPreparedStatements: text, PruneBatch: 2,
			})})
		})
	}
}

// TestMysqlForeignRows has rows that somebody else has written.
func TestMysqlForeignRows(t *testing.T) {
	t.Parallel()
	mysqlLoose(t, func(t *testing.T, table sqlTable) { t.Helper(); table.wantNone(t, sqlForeign, mysqlForeign) })
}

// TestMysqlForeignRowsThatAreOver has rows of others that are in nobody's way.
func TestMysqlForeignRowsThatAreOver(t *testing.T) {
	t.Parallel()
	mysqlLoose(t, func(t *testing.T, table sqlTable) { t.Helper(); table.wantInNobodysWay(t, mysqlForeign) })
}

func TestMysqlRecordsAreNotForeign(t *testing.T) {
	t.Parallel()
	mysqlLoose(t, func(t *testing.T, table sqlTable) { t.Helper(); table.wantNotForeign(t) })
}
