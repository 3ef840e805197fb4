package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

// Each of these makes the client that belongs to an application, asks the server
// whether it is there, and gives the client to a store. An application copies the one
// that it needs: what cmd/cloakroom opens any address with is more than that.

func openRedis(ctx context.Context, address string, patience time.Duration) (*storage, error) {
	o, err := redis.ParseURL(address)
	if err != nil {
		return nil, err //nolint:wrapcheck // openStorage does it
	}
	o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = patience, patience, patience
	o.ContextTimeoutEnabled = true // a request's deadline ends a call, and nobody has to watch it
	client := redis.NewClient(o)
	err = client.Ping(ctx).Err()
	var store *redisstore.Store
	if err == nil {
		store, err = redisstore.New(client, redisstore.Options{})
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &storage{store: store, where: "in Redis at " + withoutPassword(address), close: client.Close}, nil
}

func openMemcache(_ context.Context, address string, patience time.Duration) (*storage, error) {
	servers, err := hosts(strings.TrimPrefix(address, "memcache:"))
	if err != nil {
		return nil, err
	}
	var list memcache.ServerList
	if err := list.SetServers(servers...); err != nil { // which memcache.New leaves out
		return nil, errors.New("no server of that name")
	}
	client := memcache.NewFromSelector(&list)
	client.Timeout = patience // it knows no contexts
	client.MaxIdleConns = 16
	err = client.Ping()
	var store *memcachestore.Store
	if err == nil {
		store, err = memcachestore.New(client, memcachestore.Options{})
	}
	if err != nil {
		return nil, errors.Join(err, client.Close())
	}
	return &storage{store: store, where: "in memcached at " + withoutPassword(address), close: client.Close}, nil
}

func openPostgres(ctx context.Context, address string, _ time.Duration) (*storage, error) {
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return nil, err //nolint:wrapcheck // openStorage does it
	}
	closePool := func() error {
		pool.Close()
		return nil
	}
	store, err := postgresstore.New(pool, postgresstore.Options{})
	if err == nil {
		err = store.Migrate(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, closePool())
	}
	return &storage{store: store, where: "in PostgreSQL at " + withoutPassword(address), close: closePool}, nil
}

func openMongo(ctx context.Context, address string, _ time.Duration) (*storage, error) {
	client, err := mongo.Connect(options.Client().ApplyURI(address))
	if err != nil {
		return nil, err //nolint:wrapcheck // openStorage does it
	}
	closeClient := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
		defer cancel()
		return client.Disconnect(ctx)
	}
	store, err := mongostore.New(client.Database(mongoDatabase(address)).Collection("sessions"), mongostore.Options{})
	if err == nil {
		err = store.EnsureIndexes(ctx)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("mongo: %w", err), closeClient())
	}
	return &storage{store: store, where: "in MongoDB at " + withoutPassword(address), close: closeClient}, nil
}

// mongoDatabase returns the database that the address names, as its path.
func mongoDatabase(address string) string {
	_, rest, _ := strings.Cut(address, "://")
	_, path, _ := strings.Cut(rest, "/")
	if name, _, _ := strings.Cut(path, "?"); name != "" {
		return name
	}
	return "cloakroom_demo"
}
