package backends

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/bradfitz/gomemcache/memcache"
	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

// Each of these returns the store at a place, and a function that removes the place and
// closes the client.

func openFile(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	if err := os.MkdirAll(p.Address, 0o700); err != nil {
		return nil, nil, err //nolint:wrapcheck // it names the folder
	}
	store, err := filestore.New(p.Address, filestore.Options{})    //nolint:contextcheck // a folder is opened at once
	return store, func(context.Context) { _ = store.Close() }, err //nolint:contextcheck // and closed
}

func openRedis(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	o := &redis.UniversalOptions{
		Addrs: strings.Split(p.Address, ","), MasterName: p.Master, Dialer: servers.Dial(p.Outside),
		DialTimeout: Patience, ReadTimeout: Patience, WriteTimeout: Patience, PoolTimeout: Patience,
		ContextTimeoutEnabled: true,
	}
	if p.Once {
		o.MaxRetries = -1
	}
	client := redis.NewUniversalClient(o)
	store, err := redisstore.New(client, redisstore.Options{KeyPrefix: p.Name + ":"})
	return store, func(context.Context) { _ = client.Close() }, err
}

// RedisOptions are for a client whose calls may wait as long as a busy machine
// takes: for a connection, and for the server.
func RedisOptions(addr string) *redis.Options {
	return &redis.Options{
		Addr: addr, DialTimeout: Patience, ReadTimeout: Patience, WriteTimeout: Patience, PoolTimeout: Patience,
		ContextTimeoutEnabled: true,
	}
}

func openMemcache(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	client := memcache.New(p.Address)
	client.Timeout = Patience
	store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: p.Name + ":"})
	return store, func(context.Context) { _ = client.Close() }, err
}

func openPostgres(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	pool, err := pgxpool.New(ctx, p.Address)
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the driver's
	}
	end := func(ctx context.Context) {
		_, _ = pool.Exec(ctx, "DROP TABLE IF EXISTS "+p.Name) // tidying
		pool.Close()
	}
	store, err := postgresstore.New(pool, postgresstore.Options{Table: p.Name})
	if err == nil {
		err = store.Migrate(ctx)
	}
	return store, end, err
}

func openSQLite(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	pragmas := url.Values{"_pragma": {
		fmt.Sprintf("busy_timeout(%d)", Patience.Milliseconds()), "journal_mode(WAL)", "synchronous(FULL)",
	}}
	return openSQL(ctx, "sqlite", "file:"+filepath.ToSlash(p.Address)+"?"+pragmas.Encode(), sqlstore.SQLite, p.Name)
}

func openMySQL(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	return openSQL(ctx, "mysql", p.Address, sqlstore.MySQL, p.Name)
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

func openMongo(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
	client, err := mongo.Connect(MongoOptions(p.Address).SetRetryReads(!p.Once).SetRetryWrites(!p.Once))
	if err != nil {
		return nil, nil, err //nolint:wrapcheck // the driver's
	}
	collection := client.Database("cloakroom").Collection(p.Name)
	end := func(ctx context.Context) {
		_ = collection.Drop(ctx) // tidying
		_ = client.Disconnect(ctx)
	}
	store, err := mongostore.New(collection, mongostore.Options{})
	if err == nil {
		err = store.EnsureIndexes(ctx)
	}
	return store, end, err
}

// MongoOptions are for a client that waits for its server as long as a busy machine
// takes.
func MongoOptions(uri string) *options.ClientOptions {
	return options.Client().ApplyURI(uri).SetServerSelectionTimeout(Patience).SetConnectTimeout(Patience)
}
