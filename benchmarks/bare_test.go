package benchmarks

import (
	"context"
	"database/sql"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"
)

// The bare drivers make the round trips that a session needs, and nothing else: the
// Cookie field is the key.

// A pair is what a driver does: get and, after it, put.
type pair struct {
	create func(ctx context.Context, key string, data []byte) error
	get    func(ctx context.Context, key string) ([]byte, error)
	put    func(ctx context.Context, key string, data []byte) error
}

func bare(p pair, extra int) (*app, string) {
	data := []byte(strings.Repeat("x", 300+extra))
	answer := func(w http.ResponseWriter, err error) {
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	}
	return &app{
		visitor: func(b *testing.B) string {
			key := unique()
			if err := p.create(b.Context(), key, data); err != nil {
				b.Fatal(err)
			}
			return key
		},
		read: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, err := p.get(r.Context(), r.Header.Get("Cookie"))
			answer(w, err)
		}),
		write: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			data, err := p.get(r.Context(), r.Header.Get("Cookie"))
			if err == nil {
				err = p.put(r.Context(), r.Header.Get("Cookie"), data)
			}
			answer(w, err)
		}),
	}, ""
}

const lifetime = time.Hour

func openBareRedis(b *testing.B, extra int) (*app, string) {
	client, missing := redisClient(b)
	if client == nil {
		return nil, missing
	}
	return bare(bareRedis(client), extra)
}

func bareRedis(client *redis.Client) pair {
	put := func(ctx context.Context, key string, data []byte) error {
		return client.Set(ctx, key, data, lifetime).Err()
	}
	get := func(ctx context.Context, key string) ([]byte, error) { return client.Get(ctx, key).Bytes() }
	return pair{put, get, put}
}

func openBarePostgres(b *testing.B, extra int) (*app, string) {
	pool, missing := postgresPool(b)
	if pool == nil {
		return nil, missing
	}
	return bare(barePostgres(b, pool), extra)
}

func barePostgres(b *testing.B, pool *pgxpool.Pool) pair {
	b.Helper()
	table := unique()
	exec := func(ctx context.Context, sql string, args ...any) error {
		_, err := pool.Exec(ctx, sql, args...)
		return err
	}
	if err := exec(b.Context(), "CREATE TABLE "+table+
		" (id TEXT PRIMARY KEY, data BYTEA NOT NULL, version BIGINT NOT NULL, expires TIMESTAMPTZ NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	expires := func() time.Time { return time.Now().Add(lifetime) }
	return pair{
		create: func(ctx context.Context, key string, data []byte) error {
			return exec(ctx, "INSERT INTO "+table+" VALUES ($1, $2, 1, $3)", key, data, expires())
		},
		get: func(ctx context.Context, key string) (data []byte, err error) {
			err = pool.QueryRow(ctx, "SELECT data FROM "+table+" WHERE id = $1", key).Scan(&data)
			return data, err
		},
		put: func(ctx context.Context, key string, data []byte) error {
			return exec(ctx, "UPDATE "+table+" SET data = $2, version = version + 1, expires = $3 WHERE id = $1", key, data, expires())
		},
	}
}

func openBareSQLite(driver string) opener {
	return onSQLite(driver, func(b *testing.B, db *sql.DB, extra int) (*app, string) { return bareSQL(b, db, "TEXT", extra) })
}

func openBareMySQL(b *testing.B, extra int) (*app, string) {
	db, missing := mysqlPool(b)
	if db == nil {
		return nil, missing
	}
	return bareSQL(b, db, "VARBINARY(43)", extra)
}

func bareSQL(b *testing.B, db *sql.DB, text string, extra int) (*app, string) {
	b.Helper()
	table := unique()
	exec := func(ctx context.Context, statement string, args ...any) error {
		_, err := db.ExecContext(ctx, statement, args...)
		return err
	}
	if err := exec(b.Context(), "CREATE TABLE "+table+
		" (id "+text+" NOT NULL PRIMARY KEY, data LONGBLOB NOT NULL, version BIGINT NOT NULL, expires BIGINT NOT NULL)"); err != nil {
		b.Fatal(err)
	}
	expires := func() int64 { return time.Now().Add(lifetime).UnixMicro() }
	return bare(pair{
		create: func(ctx context.Context, key string, data []byte) error {
			return exec(ctx, "INSERT INTO "+table+" VALUES (?, ?, 1, ?)", key, data, expires())
		},
		get: func(ctx context.Context, key string) (data []byte, err error) {
			err = db.QueryRowContext(ctx, "SELECT data FROM "+table+" WHERE id = ?", key).Scan(&data)
			return data, err
		},
		put: func(ctx context.Context, key string, data []byte) error {
			return exec(ctx, "UPDATE "+table+" SET data = ?, version = version + 1, expires = ? WHERE id = ?", data, expires(), key)
		},
	}, extra)
}

func openBareMemcached(_ *testing.B, extra int) (*app, string) {
	client, missing := memcachedClient()
	if client == nil {
		return nil, missing
	}
	a, _ := bare(bareMemcached(client), extra)
	a.write = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := swapMemcached(client, r.Header.Get("Cookie")); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
		}
	})
	return a, ""
}

func bareMemcached(client *memcache.Client) pair {
	return pair{
		create: func(_ context.Context, key string, data []byte) error {
			return client.Set(&memcache.Item{Key: key, Value: data, Expiration: int32(lifetime / time.Second)})
		},
		get: func(_ context.Context, key string) ([]byte, error) {
			item, err := client.Get(key)
			if err != nil {
				return nil, err
			}
			return item.Value, nil
		},
	}
}

// swapMemcached is gets and cas.
func swapMemcached(client *memcache.Client, key string) error {
	item, err := client.Get(key)
	if err == nil {
		err = client.CompareAndSwap(item)
	}
	if errors.Is(err, memcache.ErrCASConflict) {
		return nil // another has been faster
	}
	return err
}

func openBareMongo(b *testing.B, extra int) (*app, string) {
	db, missing := mongoDatabase(b)
	if db == nil {
		return nil, missing
	}
	collection := db.Collection(unique())
	type document struct {
		ID   string `bson:"_id"`
		Data []byte
	}
	return bare(pair{
		create: func(ctx context.Context, key string, data []byte) error {
			_, err := collection.InsertOne(ctx, document{key, data})
			return err
		},
		get: func(ctx context.Context, key string) ([]byte, error) {
			var d document
			err := collection.FindOne(ctx, bson.D{{Key: "_id", Value: key}}).Decode(&d)
			return d.Data, err
		},
		put: func(ctx context.Context, key string, data []byte) error {
			set := bson.D{{Key: "$set", Value: bson.D{{Key: "data", Value: data}}}}
			_, err := collection.UpdateOne(ctx, bson.D{{Key: "_id", Value: key}}, set)
			return err
		},
	}, extra)
}

// A durable write: a temporary file, fsync, rename, fsync of the folder.
func openBareFile(b *testing.B, extra int) (*app, string) {
	return bare(bareFile(b.TempDir()), extra)
}

func bareFile(dir string) pair {
	put := func(_ context.Context, key string, data []byte) error {
		return replace(dir, key, data)
	}
	get := func(_ context.Context, key string) ([]byte, error) { return os.ReadFile(filepath.Join(dir, key)) }
	return pair{put, get, put}
}

func replace(dir, name string, data []byte) error {
	f, err := os.CreateTemp(dir, "."+strconv.Itoa(os.Getpid())+"-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil {
		err = f.Sync()
	}
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err == nil {
		err = os.Rename(f.Name(), filepath.Join(dir, name))
	}
	if err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	if closed := d.Close(); err == nil {
		err = closed
	}
	return err
}
