package storeurl

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"io"
	"log"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-sql-driver/mysql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

func openMySQL(_ context.Context, a *address, o Options) (*Opened, error) {
	if len(a.hosts) > 1 {
		return nil, InvalidError{errors.New("mysql:// takes one host")}
	}
	// The driver takes a name of its own making, which could not hold every password.
	config, err := mysql.ParseDSN("tcp(" + a.withPort("3306")[0] + ")/" + a.path + "?" + a.query)
	if err != nil {
		return nil, InvalidError{err}
	}
	config.User, config.Passwd = a.user()
	config.Timeout = o.Timeout
	config.ReadTimeout, config.WriteTimeout = cmp.Or(config.ReadTimeout, o.Timeout), cmp.Or(config.WriteTimeout, o.Timeout)
	config.InterpolateParams = true // a statement is one round trip
	config.MaxAllowedPacket = 0     // as the server says
	config.Logger = log.New(io.Discard, "", 0)
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, InvalidError{err}
	}
	db := sql.OpenDB(connector)
	s, err := openSQL(a, db, sqlstore.MySQL)
	if err != nil {
		return nil, err
	}
	s.Clocks = func(ctx context.Context) ([]time.Time, error) {
		var micros int64
		err := db.QueryRowContext(ctx, "SELECT CAST(UNIX_TIMESTAMP(NOW(6)) * 1000000 AS SIGNED)").Scan(&micros)
		return []time.Time{time.UnixMicro(micros)}, err //nolint:wrapcheck // Hide does it
	}
	return s, nil
}

func openSQLite(_ context.Context, a *address, o Options) (*Opened, error) {
	if err := existing(a.path, o.Create, makeFile); err != nil {
		return nil, err
	}
	path, err := filepath.Abs(a.path)
	if err != nil {
		return nil, err //nolint:wrapcheck // it names the file
	}
	if path = filepath.ToSlash(path); !strings.HasPrefix(path, "/") { // C:/
		path = "/" + path
	}
	pragmas := []string{"busy_timeout(5000)", "synchronous(FULL)"}
	if o.Create {
		pragmas = append(pragmas, "journal_mode(WAL)")
	}
	name := url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: url.Values{"_pragma": pragmas}.Encode()}
	db, err := sql.Open("sqlite", name.String())
	if err != nil {
		return nil, err //nolint:wrapcheck // Open does it
	}
	return openSQL(a, db, sqlstore.SQLite)
}

func openSQL(a *address, db *sql.DB, dialect sqlstore.Dialect) (*Opened, error) {
	store, err := sqlstore.New(db, dialect, sqlstore.Options{Table: a.own.Get(tableParameter), MaxData: largest})
	s, err := together(store, err, db.Close)
	if err != nil {
		return nil, err
	}
	s.Migrate = store.Migrate
	return s, nil
}
