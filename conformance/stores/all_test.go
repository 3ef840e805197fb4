package stores_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// wantAllDeleted fails the test unless DeleteAll deletes a live record and what
// stands in a record's place, and counts the record alone.
func wantAllDeleted(t *testing.T, store sessionstore.Store, corrupt func(id string)) {
	t.Helper()
	id, corrupted := randomID(), randomID()
	if err := store.Create(t.Context(), id, sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}); err != nil {
		t.Fatal(err)
	}
	corrupt(corrupted)
	if n, err := sessionstore.DeleteAll(t.Context(), store); n != 1 || err != nil {
		t.Errorf("DeleteAll is %d, %v, want 1", n, err)
	}
	for _, id := range []string{id, corrupted} {
		if _, err := store.Load(t.Context(), id); !errors.Is(err, sessionstore.ErrNotFound) {
			t.Errorf("Load after DeleteAll: %v", err)
		}
	}
}

// TestRedisDeleteAllLeavesOtherKeys has keys below the prefix that are no session's,
// and a prefix that is the beginning of another.
func TestRedisDeleteAllLeavesOtherKeys(t *testing.T) {
	t.Parallel()
	client := redisClient(t, servers.Any(t, servers.Redis).URL)
	prefix := randomID() + ":"
	longer := redisStoreIn(t, client, prefix+"admin:")
	kept := randomID()
	if err := longer.Create(t.Context(), kept, sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}); err != nil {
		t.Fatal(err)
	}
	others := []string{prefix + "config", prefix + randomID() + "x", strings.ToLower(prefix) + randomID()}
	for _, key := range others {
		redisDo(t, client, "SET", key, "not a session", "EX", 3600)
	}
	wantAllDeleted(t, redisStoreIn(t, client, prefix), func(id string) { redisDo(t, client, "RPUSH", prefix+id, "a list") })
	for _, key := range others {
		if n := redisDo(t, client, "EXISTS", key); n != int64(1) {
			t.Errorf("%s is gone", key)
		}
	}
	if _, err := longer.Load(t.Context(), kept); err != nil {
		t.Errorf("Load from the store with the longer prefix: %v", err)
	}
}

// TestRedisDeleteAllWhileSlotsMove has a slot that is on its way: its keys may be
// met on neither master.
func TestRedisDeleteAllWhileSlotsMove(t *testing.T) {
	t.Parallel()
	nodes := servers.OwnCluster(t, 0)
	client := redis.NewClusterClient(redisClusterOptions(nodes))
	t.Cleanup(func() { _ = client.Close() }) // nothing is left to lose
	store := redisStore(t, client)
	corrupt := func(id string) { redisDo(t, client, "SET", redisPrefix+id, "not a record") }
	wantAllDeleted(t, store, corrupt)

	source := redisClient(t, nodes[0].URL)
	redisDo(t, source, "CLUSTER", "SETSLOT", 0, "MIGRATING", redisDo(t, redisClient(t, nodes[1].URL), "CLUSTER", "MYID"))
	id := randomID()
	if err := store.Create(t.Context(), id, sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: 1}); err != nil {
		t.Fatal(err)
	}
	n, err := store.DeleteAll(t.Context())
	if n != 1 || err == nil || sessionstore.Certain(err) || !strings.Contains(err.Error(), "on their way") {
		t.Errorf("DeleteAll while a slot moves is %d, %v, want 1 and an error that says so", n, err)
	}
	redisDo(t, source, "CLUSTER", "SETSLOT", 0, "STABLE")
	wantAllDeleted(t, store, corrupt)
}

// TestMongoDeleteAllLeavesOtherDocuments has documents in the collection whose _id is
// no session's.
func TestMongoDeleteAllLeavesOtherDocuments(t *testing.T) {
	t.Parallel()
	collection := mongoCollection(t, mongoServer(t))
	others := []any{"settings", randomID() + "x", bson.NewObjectID(), 7}
	for _, id := range others {
		if _, err := collection.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}}); err != nil {
			t.Fatal(err)
		}
	}
	wantAllDeleted(t, mongoStore(t, collection), func(id string) {
		if _, err := collection.InsertOne(t.Context(), bson.D{{Key: "_id", Value: id}, {Key: "hello", Value: "world"}}); err != nil {
			t.Fatal(err)
		}
	})
	if n, err := collection.CountDocuments(t.Context(), bson.D{}); n != int64(len(others)) || err != nil {
		t.Errorf("%d documents are left, %v, want %d", n, err, len(others))
	}
}

// TestMongoListsNoOtherDocuments has a document that looks like a record, and whose _id is
// no session's: nobody could end what that is the id of, nor the others of the list with it.
func TestMongoListsNoOtherDocuments(t *testing.T) {
	t.Parallel()
	collection := mongoCollection(t, mongoServer(t))
	store := mongoStore(t, collection)
	mine, _ := createdFor(t, store, "somebody")
	var record bson.D
	if err := collection.FindOne(t.Context(), bson.D{{Key: "_id", Value: mine}}).Decode(&record); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "settings", strings.Repeat("!", sessionstore.IDLen), strings.Repeat("x", 100_000)} {
		record[0].Value = id
		if _, err := collection.InsertOne(t.Context(), record); err != nil {
			t.Fatal(err)
		}
	}
	if list, err := store.ListSubject(t.Context(), "somebody"); len(list) != 1 || list[0].ID != mine || err != nil {
		t.Errorf("ListSubject: %d entries, %v, want the record's alone", len(list), err)
	}
	for e, err := range store.Scan(t.Context()) {
		if e.ID != mine || err != nil {
			t.Errorf("Scan: %.50q, %v, want the record's alone", e.ID, err)
		}
	}
}

func TestPostgresDeleteAllDeletesForeignRows(t *testing.T) {
	t.Parallel()
	pool := postgresPool(t, postgres(t))
	table := postgresTable(t, pool)
	wantAllDeleted(t, postgresStore(t, pool, table), func(id string) {
		postgresExec(t, pool, `INSERT INTO `+table+` VALUES ($1, '', '', now() + interval '1 hour', 0)`, id)
	})
}
