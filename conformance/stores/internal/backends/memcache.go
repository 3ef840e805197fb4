package backends

import (
	"context"

	gomemcache "github.com/bradfitz/gomemcache/memcache"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	memcachestore "github.com/cloakroom-go/cloakroom/store-memcache"
)

var memcache = &Backend{
	Name: "memcache", Module: "store-memcache", Server: servers.Memcached, shop: after("memcache://"),
	open: func(_ context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		client := gomemcache.New(p.Address)
		client.Timeout = Patience
		store, err := memcachestore.New(client, memcachestore.Options{KeyPrefix: p.Name + ":"})
		return store, func(context.Context) { _ = client.Close() }, err
	},
}
