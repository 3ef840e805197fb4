package stores_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"sync/atomic"
	"testing"

	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// TestSqliteCost counts statements between database/sql and the driver.
func TestSqliteCost(t *testing.T) {
	t.Parallel()
	eachSQLite(t, func(t *testing.T, driver string) {
		t.Helper()
		file := sqliteFile(t, driver)
		counted := &countingConnector{driver: sqliteDB(t, file).Driver(), name: file.name()}
		db := sql.OpenDB(counted)
		t.Cleanup(func() { _ = db.Close() }) // every statement has come to its end
		wantCosts(t, sqlStore(t, db, sqlstore.SQLite, sqlstore.Options{}), 1, 0, func() int { return int(counted.statements.Load()) })
	})
}

// A countingConnector counts the statements of its connections.
type countingConnector struct {
	driver     sqldriver.Driver
	name       string
	statements atomic.Int64
}

func (c *countingConnector) Driver() sqldriver.Driver { return c.driver }

func (c *countingConnector) Connect(context.Context) (sqldriver.Conn, error) {
	conn, err := c.driver.Open(c.name)
	return countingConn{conn, &c.statements}, err
}

type countingConn struct {
	sqldriver.Conn

	statements *atomic.Int64
}

func (c countingConn) ExecContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	c.statements.Add(1)
	return c.Conn.(sqldriver.ExecerContext).ExecContext(ctx, query, args) //nolint:errcheck,forcetypeassert // it has
}

func (c countingConn) QueryContext(ctx context.Context, query string, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	c.statements.Add(1)
	return c.Conn.(sqldriver.QueryerContext).QueryContext(ctx, query, args) //nolint:errcheck,forcetypeassert // it has
}

func (c countingConn) Prepare(query string) (sqldriver.Stmt, error) {
	stmt, err := c.Conn.Prepare(query)
	return countingStmt{stmt, c.statements}, err
}

type countingStmt struct {
	sqldriver.Stmt

	statements *atomic.Int64
}

func (s countingStmt) ExecContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Result, error) {
	s.statements.Add(1)
	return s.Stmt.(sqldriver.StmtExecContext).ExecContext(ctx, args) //nolint:errcheck,forcetypeassert // it has
}

func (s countingStmt) QueryContext(ctx context.Context, args []sqldriver.NamedValue) (sqldriver.Rows, error) {
	s.statements.Add(1)
	return s.Stmt.(sqldriver.StmtQueryContext).QueryContext(ctx, args) //nolint:errcheck,forcetypeassert // it has
}
