package stores_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// wantExpiry fails the test unless the server has every record until the instant
// that was asked for, at most a unit of its clock longer.
func wantExpiry(t *testing.T, store sessionstore.Store, unit time.Duration, expiry func(id string) time.Time) {
	t.Helper()
	const month = 30 * 24 * time.Hour
	for _, life := range []time.Duration{time.Hour, month - time.Second, month, month + time.Second, 400 * 24 * time.Hour} {
		id := randomID()
		asked := time.Now().Add(life)
		if err := store.Create(t.Context(), id, sessionstore.Record{Expires: asked, Version: 1}); err != nil {
			t.Fatal(err)
		}
		if late := expiry(id).Sub(asked); late < 0 || late > unit {
			t.Errorf("a record that lives for %v is kept %v too long", life, late)
		}
	}
}

func TestPostgresLifetimes(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := postgresTable(t, pool)
	wantExpiry(t, postgresStore(t, pool, table), time.Microsecond, func(id string) (expires time.Time) {
		row := pool.QueryRow(t.Context(), `SELECT expires FROM `+table+` WHERE id = $1`, pgx.QueryExecModeExec, id)
		if err := row.Scan(&expires); err != nil {
			t.Fatal(err)
		}
		return expires
	})
}

func TestMongoLifetimes(t *testing.T) {
	t.Parallel()
	collection := mongoCollection(t, mongoServer(t))
	wantExpiry(t, mongoStore(t, collection), time.Millisecond, func(id string) time.Time {
		var document struct{ Expires time.Time }
		if err := collection.FindOne(t.Context(), bson.D{{Key: "_id", Value: id}}).Decode(&document); err != nil {
			t.Fatal(err)
		}
		return document.Expires
	})
}
