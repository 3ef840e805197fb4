package mongostore_test

import (
	"context"
	"log"
	"os"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/core/session"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

func Example() { //nolint:testableexamples // it needs a server
	ctx := context.Background()
	client, err := mongo.Connect(options.Client().ApplyURI(os.Getenv("MONGODB_URI")))
	if err != nil {
		log.Fatal(err)
	}
	store, err := mongostore.New(client.Database("shop").Collection("sessions"), mongostore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.EnsureIndexes(ctx); err != nil {
		log.Fatal(err)
	}
	// In real life, read the key from where you keep secrets.
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	_ = sessions
}
