package backends

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"

	mysqldriver "github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

var sqlite = &Backend{
	Name: "sqlite", Module: "store-sql", Lists: true, shop: after("sqlite:"),
	open: func(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		pragmas := url.Values{"_pragma": {
			fmt.Sprintf("busy_timeout(%d)", Patience.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
		}}
		return openSQL(ctx, "sqlite", "file:"+filepath.ToSlash(p.Address)+"?"+pragmas.Encode(), sqlstore.SQLite, p.Name)
	},
}

var mysql = &Backend{
	Name: "mysql", Module: "store-sql", Server: servers.MySQL, Lists: true,
	shop: func(dsn string) string {
		config, err := mysqldriver.ParseDSN(dsn)
		if err != nil {
			return dsn // which the shop refuses
		}
		u := url.URL{Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName}
		return u.String()
	},
	open: func(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		return openSQL(ctx, "mysql", p.Address, sqlstore.MySQL, p.Name)
	},
}

func openSQL(
	ctx context.Context, driver, dsn string, dialect sqlstore.Dialect, table string,
) (sessionstore.Store, func(context.Context), error) {
	db, err := sql.Open(driver, dsn)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the driver's
	}
	end := func(ctx context.Context) {
		_, _ = db.ExecContext(ctx, "DROP TABLE IF EXISTS "+table) // tidying
		_ = db.Close()
	}
	store, err := sqlstore.New(db, dialect, sqlstore.Options{Table: table})
	if err == nil {
		err = store.Migrate(ctx)
	}
	return store, end, err
}
