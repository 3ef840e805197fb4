package stores_test

import (
	"strings"
	"sync"
	"testing"

	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// TestSqliteTableComesBack has statements prepared on several connections when another
// process drops the table, makes it again, and adds a column and an index.
func TestSqliteTableComesBack(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		db, other := sqliteDB(t, file), sqliteDB(t, file)
		db.SetMaxOpenConns(4)
		store := sqlStore(t, db, sqlstore.SQLite, sqlstore.Options{})
		everywhere := func(what string) {
			t.Helper()
			var wg sync.WaitGroup
			for range 8 {
				id, r := created(t, store)
				wg.Go(func() { wantVersion(t, what, store, id, r.Version) })
			}
			wg.Wait()
		}
		everywhere("Load at first")
		sqlExec(t, other, `DROP TABLE cloakroom_sessions`)
		if _, err := store.Load(t.Context(), randomID()); err == nil || !strings.Contains(err.Error(), "call Migrate") {
			t.Errorf("Load without the table: %v, want Migrate to be named", err)
		}
		if err := sqlStore(t, other, sqlstore.SQLite, sqlstore.Options{}).Migrate(t.Context()); err != nil {
			t.Fatal(err)
		}
		everywhere("Load from the new table")
		sqlExec(t, other, `ALTER TABLE cloakroom_sessions ADD COLUMN note TEXT`)
		sqlExec(t, other, `CREATE INDEX notes ON cloakroom_sessions (note)`)
		everywhere("Load from the table with a column more")
		db.SetMaxIdleConns(-1) // each call has a connection of its own
		everywhere("Load on a new connection")
	})
}
