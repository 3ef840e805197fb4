package stores_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	filestore "github.com/cloakroom-go/cloakroom/store-file"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

func TestMain(m *testing.M) {
	if name := os.Getenv(childStore); name != "" {
		store, err := openChild(name, os.Getenv(childURL))
		if err == nil {
			err = runChild(store)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if path := os.Getenv(childWriter); path != "" {
		fmt.Fprintln(os.Stderr, runWriter(path))
		os.Exit(1)
	}
	defer servers.Stop()
	m.Run()
}

// openChild returns the store of an application that is a process of its own.
// Its client lives as long as the process.
func openChild(name, url string) (sessionstore.Store, error) {
	url, table, _ := strings.Cut(url, " ")
	switch name {
	case "file":
		return filestore.New(url, filestore.Options{})
	case "redis":
		return redisstore.New(redis.NewClient(redisOptions(url)), redisstore.Options{})
	case "memcache":
		client := memcache.New(url)
		client.Timeout = patience
		return memcachestore.New(client, memcachestore.Options{})
	case "postgres":
		pool, err := pgxpool.New(context.Background(), url)
		if err != nil {
			return nil, err
		}
		return postgresstore.New(pool, postgresstore.Options{Table: table})
	case "sqlite":
		return sqliteAt(url).store()
	case "mysql":
		db, err := sql.Open("mysql", url)
		if err != nil {
			return nil, err
		}
		return sqlstore.New(db, sqlstore.MySQL, sqlstore.Options{Table: table})
	case "mongo":
		client, err := mongo.Connect(mongoOptions(url))
		if err != nil {
			return nil, err
		}
		return mongostore.New(client.Database("cloakroom").Collection(table), mongostore.Options{})
	}
	return nil, fmt.Errorf("no store %q", name)
}
