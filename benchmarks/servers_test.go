package benchmarks

import (
	"context"
	"database/sql"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	_ "github.com/go-sql-driver/mysql" // the driver "mysql"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	_ "modernc.org/sqlite" // the driver "sqlite"
)

// Servers come from the variables that the stores' tests take. All contenders of a
// backend share one client, as the libraries of one application would.

func client[T any](variable string, connect func(address string) (T, error)) func() (T, string, error) {
	var once sync.Once
	var c T
	var err error
	return func() (T, string, error) {
		address := os.Getenv(variable)
		if address == "" {
			return c, variable + " is not set; make bench sets it", nil
		}
		once.Do(func() { c, err = connect(address) })
		return c, "", err
	}
}

func need[T any](b *testing.B, get func() (T, string, error)) (T, string) {
	b.Helper()
	c, missing, err := get()
	if err != nil {
		b.Fatal(err)
	}
	return c, missing
}

var getRedis = client("CLOAKROOM_REDIS_ADDR", func(address string) (*redis.Client, error) {
	return redis.NewClient(&redis.Options{Addr: address, ContextTimeoutEnabled: true}), nil // as store-redis recommends
})

func redisClient(b *testing.B) (*redis.Client, string) { return need(b, getRedis) }

var getPostgres = client("CLOAKROOM_POSTGRES_DSN", func(dsn string) (*pgxpool.Pool, error) {
	return pgxpool.New(context.Background(), dsn)
})

func postgresPool(b *testing.B) (*pgxpool.Pool, string) { return need(b, getPostgres) }

const mysqlVariable = "CLOAKROOM_MYSQL_DSN"

func mysqlDSN() string { return os.Getenv(mysqlVariable) }

var getMySQL = client(mysqlVariable, func(dsn string) (*sql.DB, error) {
	db, err := sql.Open("mysql", dsn)
	if err == nil {
		db.SetMaxIdleConns(16)
	}
	return db, err
})

func mysqlPool(b *testing.B) (*sql.DB, string) { return need(b, getMySQL) }

// sqlitePragmas are what store-sql's README recommends, by driver.
var sqlitePragmas = map[string]string{
	"sqlite": "?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)&_pragma=synchronous(FULL)",
}

// onSQLite opens something on a file of its own.
func onSQLite(driver string, open func(b *testing.B, db *sql.DB, extra int) (*app, string)) opener {
	return func(b *testing.B, extra int) (*app, string) {
		if sqlitePragmas[driver] == "" {
			return nil, "the driver " + driver + " needs a C compiler"
		}
		return open(b, sqliteFile(b, driver), extra)
	}
}

// sqliteFile returns a database in a new file, as store-sql's README opens it. Its
// write-ahead log has the length that it keeps: while a log grows, the disk takes longer to
// flush it, and who writes more pages is sooner done with that.
func sqliteFile(b *testing.B, driver string) *sql.DB {
	b.Helper()
	db, err := sql.Open(driver, "file:"+filepath.ToSlash(filepath.Join(b.TempDir(), "sessions.db"))+sqlitePragmas[driver])
	if err != nil {
		b.Fatal(err)
	}
	db.SetMaxIdleConns(16)
	b.Cleanup(func() { _ = db.Close() })
	createTable(b, db, "CREATE TABLE once AS SELECT zeroblob(5 << 20) AS data") // it begins again after 1000 pages
	return db
}

var getMemcached = client("CLOAKROOM_MEMCACHE_ADDR", func(address string) (*memcache.Client, error) {
	c := memcache.New(address)
	c.MaxIdleConns = 16
	return c, nil
})

func memcachedClient() (*memcache.Client, string) {
	c, missing, _ := getMemcached()
	return c, missing
}

var getMongo = client("CLOAKROOM_MONGO_URI", func(uri string) (*mongo.Client, error) {
	return mongo.Connect(options.Client().ApplyURI(uri))
})

func mongoDatabase(b *testing.B) (*mongo.Database, string) {
	c, missing := need(b, getMongo)
	if c == nil {
		return nil, missing
	}
	return c.Database("cloakroom_bench"), ""
}
