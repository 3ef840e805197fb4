package main

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

func openMySQL(ctx context.Context, address string, _ time.Duration) (*storage, error) {
	u, err := url.Parse(address)
	if err != nil {
		return nil, err //nolint:wrapcheck // openStorage does it
	}
	config := mysql.NewConfig()
	config.Net, config.Addr, config.DBName = "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
	config.User = u.User.Username()
	config.Passwd, _ = u.User.Password()
	config.InterpolateParams = true // a statement is one round trip
	config.MaxAllowedPacket = 0     // as the server says
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	return openSQL(ctx, sql.OpenDB(connector), sqlstore.MySQL, "in MySQL at "+withoutPassword(address))
}

func openSQLite(ctx context.Context, address string, _ time.Duration) (*storage, error) {
	path := absolute(strings.TrimPrefix(address, "sqlite:"))
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) //nolint:gosec // -store names it; SQLite would let others read it
	if err == nil {
		err = file.Close()
	}
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"_pragma": {
		"busy_timeout(5000)", "journal_mode(WAL)", "synchronous(FULL)",
	}}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err //nolint:wrapcheck // the same
	}
	return openSQL(ctx, db, sqlstore.SQLite, "in SQLite, "+path)
}

func openSQL(ctx context.Context, db *sql.DB, dialect sqlstore.Dialect, where string) (*storage, error) {
	store, err := sqlstore.New(db, dialect, sqlstore.Options{})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return &storage{store: store, where: where, close: db.Close}, nil
}
