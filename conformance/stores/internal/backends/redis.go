package backends

import (
	"context"

	goredis "github.com/redis/go-redis/v9"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	redisstore "github.com/cloakroom-go/cloakroom/store-redis"
)

var redis = &Backend{
	Name: "redis", Module: "store-redis", Server: servers.Redis, Lists: true, shop: after("redis://"),
	open: func(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		client := goredis.NewClient(RedisOptions(p.Address))
		store, err := redisstore.New(client, redisstore.Options{KeyPrefix: p.Name + ":"})
		return store, func(context.Context) { _ = client.Close() }, err
	},
}

// RedisOptions are for a client whose calls may wait as long as a busy machine
// takes: for a connection, and for the server.
func RedisOptions(addr string) *goredis.Options {
	return &goredis.Options{
		Addr: addr, DialTimeout: Patience, ReadTimeout: Patience, WriteTimeout: Patience, PoolTimeout: Patience,
	}
}
