package stores_test

import (
	"context"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/conformance"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

func TestMongo(t *testing.T) {
	t.Parallel()
	servers.Each(t, servers.Mongo, func(t *testing.T, s *servers.Server) {
		t.Helper()
		describe(t, "mongo", s.Name, s.Version)
		conformance.Run(t, mongoHarness(t, backends.MongoOptions(s.URL)))
	})
}

func mongoHarness(t *testing.T, server *options.ClientOptions) conformance.Harness {
	t.Helper()
	collection := mongoCollection(t, server)
	if err := mongoStore(t, collection).EnsureIndexes(t.Context()); err != nil {
		t.Fatal(err)
	}
	// open returns a store on the same collection with a client of its own.
	open := func(tb testing.TB, server *options.ClientOptions) sessionstore.Store {
		tb.Helper()
		return mongoStore(tb, mongoAs(tb, collection, server))
	}
	return conformance.Harness{
		Deadline:  patience, // a busy machine is no store that hangs
		Open:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Peer:      func(t *testing.T) sessionstore.Store { t.Helper(); return open(t, server) },
		Precision: time.Millisecond,
		Require:   every,
		MaxData:   sessionstore.DefaultMaxData,
		Corrupt: func(tb testing.TB, id string) {
			tb.Helper()
			if _, err := collection.InsertOne(tb.Context(), bson.D{{Key: "_id", Value: id}, {Key: "hello", Value: "world"}}); err != nil {
				tb.Fatal(err)
			}
		},
		Outage: func(tb testing.TB) (sessionstore.Store, error) {
			tb.Helper()
			return open(tb, mongoAt("127.0.0.1:1").SetServerSelectionTimeout(time.Second)), context.DeadlineExceeded
		},
		Isolated: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			return mongoStoreOf(tb, mongoCollection(tb, server), mongostore.Options{PruneBatch: smallBatch})
		},
		Pair: func(tb testing.TB) (store, peer sessionstore.Store) {
			tb.Helper()
			collection := mongoCollection(tb, server)
			return mongoStore(tb, collection), mongoStore(tb, mongoAs(tb, collection, server))
		},
		Stall: func(tb testing.TB) sessionstore.Store {
			tb.Helper()
			line := newCable(tb, server.Hosts[0])
			store := mongoStore(tb, mongoAs(tb, mongoCollection(tb, server), mongoAt(line.addr())))
			_, _ = store.Load(tb.Context(), randomID()) // so that it is connected
			line.stall()
			return store
		},
	}
}

// mongoServer returns where a server is that tests share.
func mongoServer(t *testing.T) *options.ClientOptions {
	t.Helper()
	return backends.MongoOptions(servers.Any(t, servers.Mongo).URL)
}

func mongoAt(addr string) *options.ClientOptions {
	return backends.MongoOptions("mongodb://" + addr + "/?directConnection=true")
}

func mongoClient(tb testing.TB, server *options.ClientOptions) *mongo.Client {
	tb.Helper()
	client, err := mongo.Connect(server)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), time.Second)
		defer cancel()
		_ = client.Disconnect(ctx) // the server may be stalled
	})
	return client
}

// mongoCollection returns a collection of the test's own, dropped at the end.
func mongoCollection(tb testing.TB, server *options.ClientOptions) *mongo.Collection {
	tb.Helper()
	collection := mongoClient(tb, server).Database("cloakroom").Collection("c" + newSpace())
	tb.Cleanup(func() { _ = collection.Drop(context.WithoutCancel(tb.Context())) }) // tidying
	return collection
}

// mongoAs returns the same collection with a client of its own.
func mongoAs(tb testing.TB, collection *mongo.Collection, server *options.ClientOptions) *mongo.Collection {
	tb.Helper()
	return mongoClient(tb, server).Database(collection.Database().Name()).Collection(collection.Name())
}

func mongoStore(tb testing.TB, collection *mongo.Collection) *mongostore.Store {
	tb.Helper()
	return mongoStoreOf(tb, collection, mongostore.Options{})
}

func mongoStoreOf(tb testing.TB, collection *mongo.Collection, o mongostore.Options) *mongostore.Store {
	tb.Helper()
	store, err := mongostore.New(collection, o)
	if err != nil {
		tb.Fatal(err)
	}
	return store
}
