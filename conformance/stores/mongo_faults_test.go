package stores_test

import (
	"bytes"
	"context"
	"errors"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/event"
	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"

	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/backends"
	"github.com/cloakroom-go/cloakroom/conformance/stores/internal/servers"
	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

// TestMongoCreateRace has many clients create one record, where there is none
// and where there is an expired one.
func TestMongoCreateRace(t *testing.T) {
	t.Parallel()
	var duplicates atomic.Int32
	server := mongoServer(t).SetMonitor(&event.CommandMonitor{
		Succeeded: func(_ context.Context, e *event.CommandSucceededEvent) {
			if _, err := e.Reply.LookupErr("writeErrors"); err == nil {
				duplicates.Add(1)
			}
		},
	})
	collection := mongoCollection(t, server)
	store := mongoStore(t, collection)
	expired := bson.D{
		{Key: "data", Value: []byte("old")},
		{Key: "subject", Value: "old"},
		{Key: "expires", Value: time.Now().Add(-time.Hour)},
		{Key: "version", Value: int64(1)},
	}
	for round := range 40 {
		id := randomID()
		if round%2 == 1 {
			if _, err := collection.InsertOne(t.Context(), append(bson.D{{Key: "_id", Value: id}}, expired...)); err != nil {
				t.Fatal(err)
			}
		}
		var created atomic.Int32
		var all sync.WaitGroup
		for n := range 8 {
			all.Go(func() {
				r := sessionstore.Record{Expires: time.Now().Add(time.Hour), Version: sessionstore.Version(100 + n)}
				switch err := store.Create(t.Context(), id, r); {
				case err == nil:
					created.Add(1)
				case !errors.Is(err, sessionstore.ErrExists):
					t.Errorf("Create: %v, want success or %v", err, sessionstore.ErrExists)
				}
			})
		}
		all.Wait()
		if created.Load() != 1 {
			t.Errorf("%d of 8 creations of one record report success, want 1", created.Load())
		}
	}
	if duplicates.Load() == 0 {
		t.Error("the server has reported no duplicate key: nothing was shown")
	}
}

// TestMongoRestart kills the server after an acknowledged write, and starts it
// again on the same data.
func TestMongoRestart(t *testing.T) {
	t.Parallel()
	d := servers.Own(t, servers.Mongo)
	store := mongoStore(t, mongoCollection(t, backends.MongoOptions(d.URL)))
	id, r := created(t, store)

	d.Kill(t)
	down, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := store.Load(down, id)
	wantNoSentinel(t, err)
	if err == nil {
		t.Error("Load reports success while the server is down")
	}
	next := r
	next.Version++
	if err := store.Update(down, id, r.Version, next); err == nil {
		t.Error("Update reports success while the server is down")
	}
	d.Start(t)
	eventually(t, "the client has found the server again", func() bool {
		got, err := store.Load(t.Context(), id)
		return err == nil && got.Version == r.Version && bytes.Equal(got.Data, r.Data)
	})
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Errorf("Update after the restart: %v", err)
	}
}

// TestMongoNoPrimary has the server answer as one does that has just stepped
// down, more often than the driver tries.
func TestMongoNoPrimary(t *testing.T) {
	t.Parallel()
	const notWritablePrimary = 10107
	server := mongoWithFailPoints(t).SetServerMonitoringMode("poll").SetHeartbeatInterval(500 * time.Millisecond)
	store := mongoStore(t, mongoCollection(t, server))
	id, r := created(t, store)
	next := r
	next.Version++
	for command, call := range map[string]func() error{
		"find":   func() error { _, err := store.Load(t.Context(), id); return err },
		"insert": func() error { return store.Create(t.Context(), randomID(), r) },
		"update": func() error { return store.Update(t.Context(), id, r.Version, next) },
		"delete": func() error { return store.Delete(t.Context(), id) },
	} {
		off := mongoFail(t, server, command, "alwaysOn", bson.E{Key: "errorCode", Value: notWritablePrimary})
		err := call()
		off()
		var reported mongo.ServerError
		if !errors.As(err, &reported) || !reported.HasErrorCode(notWritablePrimary) {
			t.Errorf("%s: %v, want the server's error %d", command, err, notWritablePrimary)
		}
		wantNoSentinel(t, err)
	}
	wantVersion(t, "Load when there is a primary again", store, id, r.Version)
}

// TestMongoReset cuts the connection between a write and its answer. The driver
// makes the write again, and so does the test.
func TestMongoReset(t *testing.T) {
	t.Parallel()
	server := mongoServer(t)
	direct := mongoCollection(t, server)
	line := newCable(t, server.Hosts[0])
	far := mongoClient(t, mongoAt(line.addr())).Database(direct.Database().Name()).Collection(direct.Name())
	store, watcher := mongoStore(t, far), mongoStore(t, direct)
	id, r := created(t, store)
	next := r
	next.Version++

	line.stall() // what is sent arrives, the answer doesn't
	result := make(chan error, 1)
	go func() { result <- store.Update(t.Context(), id, r.Version, next) }()
	eventually(t, "the write arrives", func() bool {
		got, err := watcher.Load(t.Context(), id)
		return err == nil && got.Version == next.Version
	})
	line.cut()
	if err := <-result; err != nil {
		wantNoSentinel(t, err)
	}
	if err := store.Update(t.Context(), id, r.Version, next); err != nil {
		t.Errorf("the same Update again: %v, want success", err)
	}
}

func TestMongoPoolExhausted(t *testing.T) {
	t.Parallel()
	server := mongoServer(t)
	line := newCable(t, server.Hosts[0])
	far := mongoAs(t, mongoCollection(t, server), mongoAt(line.addr()).SetMaxPoolSize(1))
	store := mongoStore(t, far)
	id, r := created(t, store)
	line.stall()
	blocked := make(chan error, 1)
	go func() { _, err := store.Load(t.Context(), id); blocked <- err }()
	eventually(t, "there is no free connection", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		err := store.Delete(ctx, randomID())
		return err != nil && strings.Contains(err.Error(), "timed out while checking out a connection")
	})
	line.resume()
	if err := <-blocked; err != nil {
		t.Errorf("Load by the one who has the connection: %v", err)
	}
	wantVersion(t, "Load when the connection is free again", store, id, r.Version)
}

// TestMongoLargest writes the largest document that a record can be.
// TestMongoRegistry has an application whose client writes text and numbers in its own way.
func TestMongoRegistry(t *testing.T) {
	t.Parallel()
	server := mongoServer(t)
	registry := bson.NewRegistry()
	registry.RegisterTypeEncoder(reflect.TypeFor[string](),
		bson.ValueEncoderFunc(func(_ bson.EncodeContext, w bson.ValueWriter, v reflect.Value) error {
			return w.WriteString(strings.ToLower(v.String()))
		}))
	server.SetRegistry(registry).SetBSONOptions(&options.BSONOptions{IntMinSize: true})
	store := mongoStore(t, mongoCollection(t, server))
	id := strings.Repeat("A", sessionstore.IDLen)
	r := sessionstore.Record{Subject: "Somebody", Expires: time.Now().Add(time.Hour), Version: 5}
	if err := store.Create(t.Context(), id, r); err != nil {
		t.Fatal(err)
	}
	wantVersion(t, "Load", store, id, r.Version)
	if list, err := store.ListSubject(t.Context(), r.Subject); len(list) != 1 || err != nil {
		t.Errorf("ListSubject: %d records, %v, want 1", len(list), err)
	}
}

func TestMongoLargest(t *testing.T) {
	t.Parallel()
	const largest = 16<<20 - 1<<10
	store := mongoStoreOf(t, mongoCollection(t, mongoServer(t)), mongostore.Options{MaxData: largest})
	r := sessionstore.Record{
		Data: make([]byte, largest), Subject: strings.Repeat("s", sessionstore.MaxSubjectLen),
		Expires: time.Now().Add(time.Hour), Version: 1,
	}
	if err := store.Create(t.Context(), randomID(), r); err != nil {
		t.Errorf("Create: %v", err)
	}
}

// TestMongoCost counts commands as the driver sends them: the server's counters
// are those of all its users.
func TestMongoCost(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	server := mongoServer(t).SetMonitor(&event.CommandMonitor{
		Started: func(context.Context, *event.CommandStartedEvent) { calls.Add(1) },
	})
	wantCosts(t, mongoStore(t, mongoCollection(t, server)), 1, 0, func() int { return int(calls.Load()) })
}

// TestMongoDamagedSubject has documents of a subject that are no records any more,
// beside one that is live and one whose end another process may not have seen yet.
func TestMongoDamagedSubject(t *testing.T) {
	t.Parallel()
	for what, damage := range map[string]bson.D{
		"expires is no date":   {{Key: "expires", Value: "tomorrow"}},
		"expires is gone":      {{Key: "expires", Value: nil}},
		"the version is zero":  {{Key: "version", Value: int64(0)}},
		"the data is no bytes": {{Key: "data", Value: "text"}},
		"nothing, it is over":  {{Key: "expires", Value: time.Now().Add(-time.Minute)}},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			collection := mongoCollection(t, mongoServer(t))
			store := mongoStore(t, collection)
			id, r := randomID(), sessionstore.Record{Subject: "ada", Expires: time.Now().Add(time.Hour), Version: 7}
			if err := errors.Join(store.Create(t.Context(), id, r), store.Create(t.Context(), randomID(), r)); err != nil {
				t.Fatal(err)
			}
			if _, err := collection.UpdateByID(t.Context(), id, bson.D{{Key: "$set", Value: damage}}); err != nil {
				t.Fatal(err)
			}
			var want error
			if what != "nothing, it is over" {
				want = sessionstore.ErrCorrupt
			}
			if list, err := store.ListSubject(t.Context(), "ada"); !errors.Is(err, want) || len(list) != 1 {
				t.Errorf("ListSubject: %v, %v, want %v", list, err, want)
			}
			if n, err := store.DeleteSubject(t.Context(), "ada"); n != 1 || err != nil {
				t.Errorf("DeleteSubject: %d, %v, want 1", n, err)
			}
			if n, err := collection.CountDocuments(t.Context(), bson.D{}); n != 0 || err != nil {
				t.Errorf("%d documents are left, %v", n, err)
			}
		})
	}
}

// mongoWithFailPoints returns a server of the test's own that fails when it is
// told to: it can be told one thing at a time.
func mongoWithFailPoints(t *testing.T) *options.ClientOptions {
	t.Helper()
	return backends.MongoOptions(servers.Own(t, servers.Mongo).URL).SetAppName(randomID())
}

// mongoFail has the server fail the command in this way, for this client alone,
// until the function that it returns is called.
func mongoFail(t *testing.T, server *options.ClientOptions, command string, mode any, how ...bson.E) func() {
	t.Helper()
	admin := mongoClient(t, mongoAt(server.Hosts[0])).Database("admin")
	set := func(mode any) {
		data := append(bson.D{
			{Key: "failCommands", Value: bson.A{command}}, {Key: "appName", Value: *server.AppName},
		}, how...)
		if err := admin.RunCommand(context.WithoutCancel(t.Context()), bson.D{
			{Key: "configureFailPoint", Value: "failCommand"}, {Key: "mode", Value: mode}, {Key: "data", Value: data},
		}).Err(); err != nil {
			t.Fatal(err)
		}
	}
	set(mode)
	return func() { set("off") }
}
