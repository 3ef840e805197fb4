package stores_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// sqliteForeign are rows with a value of another type, which SQLite takes in any column.
var sqliteForeign = map[string]sqlRow{ //nolint:gochecknoglobals // a table
	"a BLOB for an id":          {id: `CAST('` + strings.Repeat("A", 43) + `' AS BLOB)`, hidden: true},
	"the last BLOB for an id":   {id: `X'FFFF'`, hidden: true},
	"a number for an id":        {id: `7`},
	"text for data":             {data: `'text'`, replaced: true},
	"a number for data":         {data: `7`, replaced: true},
	"a BLOB for a subject":      {subject: `CAST('somebody' AS BLOB)`, unlisted: true, replaced: true},
	"text that is not UTF-8":    {subject: `CAST(X'FF' AS TEXT)`, unlisted: true, replaced: true},
	"text for an expiry":        {expires: `'tomorrow'`},
	"a BLOB for an expiry":      {expires: `X'FF'`},
	"a huge number, an expiry":  {expires: `1e300`},
	"a moment after any record": {expires: `9223372035000000001`},
	"text for a version":        {version: `'five'`},
	"a fraction for a version":  {version: `5.5`},
	"a BLOB for a version":      {version: `X'05'`},
}

// sqliteLoose returns a table that takes anything, under a name of the test's own.
func sqliteLoose(t *testing.T, driver string, batch int) sqlTable {
	t.Helper()
	db := sqliteDB(t, sqliteFile(t, driver))
	sqlExec(t, db, `CREATE TABLE loose (id TEXT PRIMARY KEY, subject TEXT, expires INTEGER, version INTEGER, data BLOB)`)
	return sqlTable{db: db, name: "loose", unit: time.Nanosecond, store: sqlStore(t, db, sqlstore.SQLite, sqlstore.Options{
		Table: "loose", PruneBatch: batch,
	})}
}

// TestSqliteForeignRows has rows that somebody else has written.
func TestSqliteForeignRows(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		for _, batch := range []int{1, 2, 1000} {
			sqliteLoose(t, driver, batch).wantNone(t, sqlForeign, sqliteForeign)
		}
	})
}

// TestSqliteForeignRowsThatAreOver has rows of others that are in nobody's way.
func TestSqliteForeignRowsThatAreOver(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		sqliteLoose(t, driver, 1000).wantInNobodysWay(t, sqliteForeign)
	})
}

func TestSqliteRecordsAreNotForeign(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) { t.Helper(); sqliteLoose(t, driver, 1000).wantNotForeign(t) })
}

// TestSqliteForeignIds has more rows than a page or a batch has, with ids that drivers may cut
// or take for others.
func TestSqliteForeignIds(t *testing.T) {
	t.Parallel()
	const many = 250
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		for what, c := range map[string]struct {
			id      string
			corrupt int
		}{
			"text with a NUL byte": {`'a' || char(0) || n`, many},
			"text that is no text": {`CAST(X'FF' AS TEXT) || n`, 0}, // behind all ids
			"bytes":                {`CAST('a' || n AS BLOB)`, 0},
			"bytes of an id":       {`CAST(printf('%043d', n) AS BLOB)`, 0},
		} {
			table := sqliteLoose(t, driver, 100)
			sqlExec(t, table.db, fmt.Sprintf(`WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < %d)
INSERT INTO loose (id, data, subject, expires, version) SELECT %s, X'', 'somebody', 9000000000000000000, 5 FROM numbers`, many, c.id))
			for range 3 {
				created(t, table.store)
			}
			var good, corrupt int
			for _, err := range table.store.Scan(t.Context()) {
				switch {
				case err == nil:
					good++
				case errors.Is(err, sessionstore.ErrCorrupt):
					corrupt++
				default:
					t.Errorf("%s: Scan: %v", what, err)
				}
				if good+corrupt > many+3 {
					t.Fatalf("%s: Scan does not end", what)
				}
			}
			if good != 3 || corrupt != c.corrupt {
				t.Errorf("%s: Scan: %d good and %d corrupt, want 3 and %d", what, good, corrupt, c.corrupt)
			}
			if _, err := table.store.DeleteAll(t.Context()); err != nil || table.rows(t) != 0 {
				t.Errorf("%s: DeleteAll: %v, and %d rows are left", what, err, table.rows(t))
			}
		}
	})
}

// TestSqliteDataThatIsTooLarge has a row with more data than any store writes.
func TestSqliteDataThatIsTooLarge(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		table := sqliteLoose(t, driver, 1000)
		mine, record := createdFor(t, table.store, "somebody")
		record.Version++
		large, id := sqlRow{data: fmt.Sprintf(`zeroblob(%d)`, 64<<20+1)}, randomID()
		table.insert(t, large, id)
		_, err := table.store.Load(t.Context(), id)
		for method, err := range map[string]error{
			"Load":   err,
			"Create": table.store.Create(t.Context(), id, record),
			"Update": table.store.Update(t.Context(), id, 1, record),
		} {
			if !errors.Is(err, sessionstore.ErrCorrupt) {
				t.Errorf("%s: %v, want ErrCorrupt", method, err)
			}
		}
		table.wantListed(t, large, id, mine)
	})
}

// TestSqliteTakesNoBytesForText has the constraints of the schema.
func TestSqliteTakesNoBytesForText(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		db, later := sqliteDB(t, sqliteFile(t, driver)), time.Now().Add(time.Hour).UnixNano()
		for what, row := range map[string][]any{
			"an id":     {[]byte(randomID()), []byte{}, "somebody", later, 1},
			"a subject": {randomID(), []byte{}, []byte("somebody"), later, 1},
		} {
			if _, err := db.ExecContext(t.Context(), sqliteRow, row...); err == nil {
				t.Errorf("the table takes bytes for %s", what)
			}
		}
	})
}
