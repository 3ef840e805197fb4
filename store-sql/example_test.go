package sqlstore_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/core/session"
	sqlstore "github.com/cloakroom-go/cloakroom/store-sql"
)

func Example() { //nolint:testableexamples // it needs a driver
	ctx := context.Background()
	// With the driver modernc.org/sqlite.
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=busy_timeout(5000)&_pragma=journal_mode(WAL)")
	if err != nil {
		log.Fatal(err)
	}
	store, err := sqlstore.New(db, sqlstore.SQLite, sqlstore.Options{})
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
	schema, err := sqlstore.SchemaSQL(sqlstore.MySQL, sqlstore.Options{Table: "web_sessions"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(strings.Contains(schema, "CREATE TABLE IF NOT EXISTS `web_sessions`"))
	// Output: true
}
