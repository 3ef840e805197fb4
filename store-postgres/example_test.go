package postgresstore_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/cloakroom-go/cloakroom/core/session"
	postgresstore "github.com/cloakroom-go/cloakroom/store-postgres"
)

func Example() { //nolint:testableexamples // it needs a server
	ctx := context.Background()
	pool, err := pgxpool.New(ctx, os.Getenv("DATABASE_URL"))
	if err != nil {
		log.Fatal(err)
	}
	store, err := postgresstore.New(pool, postgresstore.Options{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Migrate(ctx); err != nil {
		log.Fatal(err)
	}
	// In real life, read the key from where you keep secrets.
	sessions, err := session.New(store, session.Options{Keys: [][]byte{session.GenerateKey()}})
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		if err := sessions.RunPruner(ctx, time.Hour); err != nil {
			log.Print(err)
		}
	}()
}

func ExampleSchemaSQL() {
	sql, err := postgresstore.SchemaSQL(postgresstore.Options{Schema: "web", Table: "sessions"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(sql, `CREATE TABLE IF NOT EXISTS "web"."sessions"`))
	// Output: true
}
