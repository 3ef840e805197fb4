package storeurl

import (
	"cmp"
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

func openMongo(ctx context.Context, a *address, o Options) (*Opened, error) {
	if a.path == "" {
		return nil, InvalidError{errors.New("the address names no database: want " + a.scheme + "://HOST/DB")}
	}
	client, err := mongo.Connect(options.Client().ApplyURI(a.url(a.scheme)).
		SetConnectTimeout(o.Timeout).SetServerSelectionTimeout(o.Timeout))
	if err != nil {
		return nil, InvalidError{err}
	}
	disconnect := func() error {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), o.Timeout)
		defer cancel()
		return client.Disconnect(ctx)
	}
	database := client.Database(a.path)
	store, err := mongostore.New(database.Collection(cmp.Or(a.own.Get("collection"), "sessions")),
		mongostore.Options{MaxData: 16<<20 - 1<<10})
	s, err := together(store, err, disconnect)
	if err != nil {
		return nil, err
	}
	s.Migrate = store.EnsureIndexes
	s.Clocks = func(ctx context.Context) ([]time.Time, error) {
		var hello struct {
			LocalTime time.Time `bson:"localTime"`
		}
		err := database.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
		return []time.Time{hello.LocalTime}, err //nolint:wrapcheck // Hide does it
	}
	return s, nil
}
