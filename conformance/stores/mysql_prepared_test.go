package stores_test

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// mysqlStatus returns a number that the server keeps for the one connection of db.
func mysqlStatus(t *testing.T, db *sql.DB, name string) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), `SHOW SESSION STATUS LIKE '`+name+`'`).Scan(&name, &n); err != nil {
		t.Fatal(err)
	}
	return n
}

// mysqlRequests makes each call that a request needs, on n sessions at once.
func mysqlRequests(t *testing.T, store *sqlstore.Store, n int) {
	t.Helper()
	var wg sync.WaitGroup
	for range n {
		id, r := created(t, store)
		next := r
		next.Version++
		wg.Go(func() {
			if err := store.Update(t.Context(), id, r.Version, next); err != nil {
				t.Errorf("Update: %v", err)
			}
			if err := store.Touch(t.Context(), id, next.Version, r.Expires.Add(time.Second)); err != nil {
				t.Errorf("Touch: %v", err)
			}
			wantVersion(t, "Load", store, id, next.Version)
			if err := store.Delete(t.Context(), id); err != nil {
				t.Errorf("Delete: %v", err)
			}
		})
	}
	wg.Wait()
}

// TestMysqlPreparesOnce asks the server what was prepared on a connection.
func TestMysqlPreparesOnce(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     bool
		charset  string
		prepared int
	}{
		"prepared":            {false, "utf8mb4", 5},
		"as text":             {true, "utf8mb4", 0},
		"arguments converted": {false, "latin1", 0},
	} {
		server := mysqlServer(t)
		server.Params = map[string]string{"character_set_connection": "'" + c.charset + "'"}
		db := mysqlDB(t, server)
		db.SetMaxOpenConns(1)
		store := sqlStore(t, db, sqlstore.MySQL, sqlstore.Options{Table: mysqlTable(t, db), NoPreparedStatements: c.text})
		_, _ = created(t, store) // it asks what the server takes
		before := mysqlStatus(t, db, "Com_stmt_prepare")
		for range 3 {
			mysqlRequests(t, store, 1)
		}
		if n := mysqlStatus(t, db, "Com_stmt_prepare") - before; n > c.prepared || c.prepared > 0 && n == 0 {
			t.Errorf("%s: %d statements were prepared, want up to %d", name, n, c.prepared)
		}
	}
}

// TestMysqlPreparesNothing has a server that allows no prepared statement at all.
func TestMysqlPreparesNothing(t *testing.T) {
	t.Parallel()
	db := mysqlDB(t, mysqlConfig(t, servers.Own(t, servers.MySQL, "--max-prepared-stmt-count=0").URL))
	mysqlRequests(t, mysqlStore(t, db, mysqlTable(t, db)), 1)
}

// TestMysqlManyTables has more tables in one pool than the server prepares statements for. It
// is full for others as well, until the pool is closed.
func TestMysqlManyTables(t *testing.T) {
	t.Parallel()
	const room, erTooManyPrepared = 12, 1461
	server := mysqlConfig(t, servers.Own(t, servers.MySQL, fmt.Sprintf("--max-prepared-stmt-count=%d", room)).URL)
	server.InterpolateParams = true
	db := mysqlDB(t, server)
	for range 2 {
		for range 4 {
			mysqlRequests(t, mysqlStore(t, db, mysqlTable(t, db)), 8)
		}
	}
	var name string
	var n int
	if err := db.QueryRowContext(t.Context(), `SHOW GLOBAL STATUS LIKE 'Prepared_stmt_count'`).Scan(&name, &n); err != nil || n != room {
		t.Errorf("%d statements are prepared, %v, want %d", n, err, room)
	}

	admin := mysqlDB(t, server)
	table := mysqlTable(t, admin)
	if err := admin.QueryRowContext(t.Context(), `SELECT ? + 1`, 1).Scan(&n); err != nil {
		t.Errorf("a statement of another program, as text: %v", err)
	}
	server.InterpolateParams = false
	other := mysqlDB(t, server)
	store, refused := mysqlStore(t, other, table), new(mysql.MySQLError)
	errOther := other.QueryRowContext(t.Context(), `SELECT ? + 1`, 1).Scan(&n)
	_, errStore := store.Load(t.Context(), randomID())
	for what, err := range map[string]error{"another program": errOther, "a store": errStore} {
		wantNoSentinel(t, err)
		if !errors.As(err, &refused) || refused.Number != erTooManyPrepared {
			t.Errorf("%s whose driver prepares everything: %v, want error %d", what, err, erTooManyPrepared)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the server has room", func() bool {
		_, err := store.Load(t.Context(), randomID())
		return errors.Is(err, sessionstore.ErrNotFound)
	})
	mysqlRequests(t, store, 1)
}

// TestMysqlTableComesBack has statements prepared on several connections when another
// process drops the table, makes it again, and adds a column and an index.
func TestMysqlTableComesBack(t *testing.T) {
	t.Parallel()
	server := mysqlServer(t)
	db, other := mysqlDB(t, server), mysqlDB(t, server)
	db.SetMaxOpenConns(4)
	table := mysqlTable(t, other)
	store := mysqlStore(t, db, table)
	everywhere := func() { t.Helper(); mysqlRequests(t, store, 8) }
	everywhere()
	sqlExec(t, other, "DROP TABLE `"+table+"`")
	if _, err := store.Load(t.Context(), randomID()); err == nil || !strings.Contains(err.Error(), "call Migrate") {
		t.Errorf("Load without the table: %v, want Migrate to be named", err)
	}
	if err := mysqlStore(t, other, table).Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	everywhere()
	sqlExec(t, other, "ALTER TABLE `"+table+"` ADD COLUMN note TEXT")
	sqlExec(t, other, "CREATE INDEX notes ON `"+table+"` (note(9))")
	everywhere()
	db.SetMaxIdleConns(-1) // each call has a connection of its own
	everywhere()
}
