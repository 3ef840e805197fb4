package command_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/go-sql-driver/mysql"
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

// patience is how long a driver waits for a server.
const patience = 5 * time.Minute

// A place is where an application keeps sessions, in a namespace of the test's own. The
// application opens it as its README says; the command has its address.
type place struct {
	address string
	open    func() (sessionstore.Store, error) // once the command has migrated it
	lists   bool
}

// name returns a name for a table and the like.
func name() string { return "t" + strings.ToLower(rand.Text()) }

func filePlace(t *testing.T) place {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "sessions")
	return place{"file:" + dir, func() (sessionstore.Store, error) {
		store, err := filestore.New(dir, filestore.Options{})
		if err == nil {
			t.Cleanup(func() { _ = store.Close() }) // nothing comes after it
		}
		return store, err
	}, true}
}

func sqlitePlace(t *testing.T) place {
	t.Helper()
	path, table := filepath.Join(t.TempDir(), "sessions.db"), name()
	return place{"sqlite:" + path + "?table=" + table, func() (sessionstore.Store, error) {
		db, err := sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(300000)")
		if err != nil {
			return nil, err
		}
		t.Cleanup(func() { _ = db.Close() }) // nothing comes after it
		return sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{Table: table})
	}, true}
}

func redisPlace(t *testing.T, s *servers.Server) place {
	t.Helper()
	prefix := name() + ":"
	t.Cleanup(func() { // tidying
		_ = command(noCancel{t}, "redis://"+s.URL+"/0?prefix="+prefix, "end", "-all").Run()
	})
	return place{"redis://" + s.URL + "/0?prefix=" + prefix, func() (sessionstore.Store, error) {
		client := redis.NewClient(&redis.Options{Addr: s.URL, ReadTimeout: patience, WriteTimeout: patience})
		t.Cleanup(func() { _ = client.Close() }) // nothing comes after it
		return redisstore.New(client, redisstore.Options{KeyPrefix: prefix})
	}, true}
}

func memcachePlace(t *testing.T, s *servers.Server) place {
	t.Helper()
	prefix := name() + ":"
	return place{"memcache://" + s.URL + "?prefix=" + prefix, func() (sessionstore.Store, error) {
		client := memcache.New(s.URL)
		client.Timeout = patience
		t.Cleanup(func() { _ = client.Close() }) // nothing comes after it
		return memcachestore.New(client, memcachestore.Options{KeyPrefix: prefix})
	}, false}
}

func postgresPlace(t *testing.T, s *servers.Server) place {
	t.Helper()
	table := name()
	pool, err := pgxpool.New(t.Context(), s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = pool.Exec(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS "+table) // tidying
		pool.Close()
	})
	return place{s.URL + "&table=" + table, func() (sessionstore.Store, error) {
		return postgresstore.New(pool, postgresstore.Options{Table: table})
	}, true}
}

func mysqlPlace(t *testing.T, s *servers.Server) place {
	t.Helper()
	table := name()
	config, err := mysql.ParseDSN(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("mysql", s.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_, _ = db.ExecContext(context.WithoutCancel(t.Context()), "DROP TABLE IF EXISTS "+table) // tidying
		_ = db.Close()
	})
	address := url.URL{
		Scheme: "mysql", User: url.UserPassword(config.User, config.Passwd), Host: config.Addr, Path: "/" + config.DBName,
		RawQuery: "table=" + table,
	}
	return place{address.String(), func() (sessionstore.Store, error) {
		return sqlstore.New(db, sqlstore.MySQL, sqlstore.Options{Table: table})
	}, true}
}

func mongoPlace(t *testing.T, s *servers.Server) place {
	t.Helper()
	u, err := url.Parse(s.URL)
	if err != nil {
		t.Fatal(err)
	}
	collection := name()
	u.Path, u.RawQuery = "/cloakroom", u.RawQuery+"&collection="+collection
	client, err := mongo.Connect(options.Client().ApplyURI(s.URL))
	if err != nil {
		t.Fatal(err)
	}
	own := client.Database("cloakroom").Collection(collection)
	t.Cleanup(func() {
		ctx := context.WithoutCancel(t.Context())
		_ = own.Drop(ctx) // tidying
		_ = client.Disconnect(ctx)
	})
	return place{u.String(), func() (sessionstore.Store, error) { return mongostore.New(own, mongostore.Options{}) }, true}
}

// A noCancel is a test whose context outlives it, for tidying.
type noCancel struct{ *testing.T }

func (t noCancel) Context() context.Context { return context.WithoutCancel(t.T.Context()) }

// kinds are in an order: each is copied to and from those before it, so that what needs
// no server comes without one.
var kinds = []struct {
	name  string
	place func(t *testing.T) place
}{
	{"file", filePlace},
	{"sqlite", sqlitePlace},
	{"redis", on(servers.Redis, redisPlace)},
	{"memcache", on(servers.Memcached, memcachePlace)},
	{"postgres", on(servers.Postgres, postgresPlace)},
	{"mysql", on(servers.MySQL, mysqlPlace)},
	{"mongo", on(servers.Mongo, mongoPlace)},
}

// on returns a place on a server of any version.
func on(k *servers.Kind, f func(*testing.T, *servers.Server) place) func(*testing.T) place {
	return func(t *testing.T) place {
		t.Helper()
		return f(t, servers.Any(t, k))
	}
}

// migrated opens the store at a place, in which the command has made what it needs.
func (p place) migrated(t *testing.T) sessionstore.Store {
	t.Helper()
	run(t, p.address, "migrate").want(t, 0, "", "")
	store, err := p.open()
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// hasSecret reports whether a text holds what an address hides.
func (p place) hasSecret(text string) bool {
	u, err := url.Parse(p.address)
	if err != nil || u.User == nil {
		return false
	}
	password, _ := u.User.Password()
	return password != "" && strings.Contains(text, ":"+password+"@")
}
