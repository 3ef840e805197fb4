package backends

import (
	"context"

	mongodriver "go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

var mongo = &Backend{
	Name: "mongo", Module: "store-mongo", Server: servers.Mongo, Lists: true, shop: same,
	open: func(ctx context.Context, p Place) (sessionstore.Store, func(context.Context), error) {
		client, err := mongodriver.Connect(MongoOptions(p.Address))
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
	},
}

// MongoOptions are for a client that waits for its server as long as a busy machine
// takes.
func MongoOptions(url string) *options.ClientOptions {
	return options.Client().ApplyURI(url).SetServerSelectionTimeout(Patience).SetConnectTimeout(Patience)
}
