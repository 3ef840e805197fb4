package stores_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
	mongostore "github.com/cloakroom-go/cloakroom/store-mongo"
)

// A mongoDocument is one that no store writes: what it changes in a record's, to nil what it
// leaves out.
type mongoDocument struct {
	change bson.M

	nobodys  bool // it is of no subject
	replaced bool // who names its version doesn't look at what is foreign
}

var (
	long, short  = int64(5), int32(5)
	inAnHour     = time.Now().Add(time.Hour)
	aMinuteAgo   = time.Now().Add(-time.Minute)
	afterAll     = time.Unix(1<<63/1_000_000_000-1, 0).Add(time.Millisecond)
	mongoDecimal = bson.NewDecimal128(0x3040000000000000, 5)

	// mongoDamaged have a session's _id, and nothing says that they have ended.
	mongoDamaged = map[string]mongoDocument{
		"no data":                   {change: bson.M{"data": nil}, replaced: true},
		"text for data":             {change: bson.M{"data": "text"}, replaced: true},
		"null for data":             {change: bson.M{"data": bson.Null{}}, replaced: true},
		"an array for data":         {change: bson.M{"data": bson.A{bson.Binary{Data: []byte("x")}}}, replaced: true},
		"no subject":                {change: bson.M{"subject": nil}, nobodys: true, replaced: true},
		"a number for a subject":    {change: bson.M{"subject": 7}, nobodys: true, replaced: true},
		"an array for a subject":    {change: bson.M{"subject": bson.A{"somebody", "else"}}, nobodys: true, replaced: true},
		"a subject too long":        {change: bson.M{"subject": strings.Repeat("s", 256)}, nobodys: true, replaced: true},
		"a subject with a NUL byte": {change: bson.M{"subject": "a\x00b"}, nobodys: true, replaced: true},
		"no expiry":                 {change: bson.M{"expires": nil}},
		"text for an expiry":        {change: bson.M{"expires": "tomorrow"}},
		"a number for an expiry":    {change: bson.M{"expires": int64(1) << 60}},
		"a timestamp for an expiry": {change: bson.M{"expires": bson.Timestamp{T: 1<<31 - 1}}},
		"an array for an expiry":    {change: bson.M{"expires": bson.A{inAnHour}}},
		"one of two":                {change: bson.M{"expires": bson.A{aMinuteAgo, inAnHour}}},
		"an array, long over":       {change: bson.M{"expires": bson.A{aMinuteAgo}}},
		"a moment after any record": {change: bson.M{"expires": afterAll}},
		"the year 9999":             {change: bson.M{"expires": time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC)}},
		"no version":                {change: bson.M{"version": nil}},
		"version zero":              {change: bson.M{"version": int64(0)}},
		"an int for a version":      {change: bson.M{"version": short}},
		"a double for a version":    {change: bson.M{"version": 5.0}},
		"a decimal for a version":   {change: bson.M{"version": mongoDecimal}},
		"an array for a version":    {change: bson.M{"version": bson.A{long}}},
		"an array with other types": {change: bson.M{"version": bson.A{long, "x"}, "data": bson.A{bson.Binary{}, 1}}},
	}

	// mongoOthers have an _id that is no session's, and are as a session's otherwise.
	mongoOthers = map[string]any{
		"an ObjectID":           bson.NewObjectID(),
		"a number":              7,
		"bytes":                 bson.Binary{Data: []byte(strings.Repeat("A", 43))},
		"a document":            bson.D{{Key: "a", Value: 1}},
		"no text":               "",
		"a short text":          "short",
		"a text of other signs": strings.Repeat("!", 43),
		"a line too many":       strings.Repeat("A", 43) + "\n",
		"a second line":         "x\n" + strings.Repeat("A", 43),
		"a text behind all ids": strings.Repeat("~", 44),
		"a symbol":              bson.Symbol("symbol"),
	}
)

// document returns the record with this id, changed.
func (d mongoDocument) document(id any, expires time.Time) bson.M {
	document := bson.M{"_id": id, "data": bson.Binary{}, "subject": "somebody", "expires": expires, "version": long}
	maps.Copy(document, d.change)
	maps.DeleteFunc(document, func(_ string, v any) bool { return v == nil })
	return document
}

func mongoInsert(t *testing.T, c *mongo.Collection, documents ...any) {
	t.Helper()
	if _, err := c.InsertMany(t.Context(), documents); err != nil {
		t.Fatal(err)
	}
}

func mongoCount(t *testing.T, c *mongo.Collection, filter bson.D) int {
	t.Helper()
	n, err := c.CountDocuments(t.Context(), filter)
	if err != nil {
		t.Fatal(err)
	}
	return int(n)
}

// TestMongoDamaged has documents in the place of a session: a session is neither made of one,
// nor hidden by it, nor kept from its end.
func TestMongoDamaged(t *testing.T) {
	t.Parallel()
	for what, d := range mongoDamaged {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			collection := mongoCollection(t, mongoServer(t))
			store := mongoStore(t, collection)
			mine, record := createdFor(t, store, "somebody")
			id := randomID()
			mongoInsert(t, collection, d.document(id, inAnHour))
			d.wantLeft(t, collection, store, id)
			if _, readable := d.change["subject"].(string); !readable {
				d.wantLeftWhenOver(t, collection, store)
			}
			if n, err := store.Prune(t.Context()); n != 0 || err != nil {
				t.Errorf("Prune: %d, %v, want 0", n, err)
			}
			d.wantListed(t, store, id, mine)
			wantVersion(t, "Load", store, mine, record.Version)
			if n, err := store.DeleteSubject(t.Context(), "somebody"); n != 1 || err != nil {
				t.Errorf("DeleteSubject: %d, %v, want 1", n, err)
			}
			if n := mongoCount(t, collection, bson.D{}); (n == 0) == d.nobodys {
				t.Errorf("DeleteSubject leaves %d documents", n)
			}
			if !d.nobodys {
				mongoInsert(t, collection, d.document(id, inAnHour))
			}
			created(t, store)
			if n, err := store.DeleteAll(t.Context()); n < 1 || err != nil {
				t.Errorf("DeleteAll: %d, %v", n, err)
			}
			if n := mongoCount(t, collection, bson.D{}); n != 0 {
				t.Errorf("DeleteAll leaves %d documents", n)
			}
		})
	}
}

// wantListed has the document beside one that is a record.
func (d mongoDocument) wantListed(t *testing.T, store *mongostore.Store, id, mine string) {
	t.Helper()
	found := map[string]error{}
	for e, err := range store.Scan(t.Context()) {
		found[e.ID] = err
	}
	if err, ok := found[mine]; len(found) != 2 || !ok || err != nil || !errors.Is(found[id], sessionstore.ErrCorrupt) {
		t.Errorf("Scan: %v, want both, one with ErrCorrupt", found)
	}
	list, err := store.ListSubject(t.Context(), "somebody")
	if len(list) != 1 || list[0].ID != mine || errors.Is(err, sessionstore.ErrCorrupt) == d.nobodys {
		t.Errorf("ListSubject: %d, %v, want the other one, and ErrCorrupt", len(list), err)
	}
}

// wantLeft has each method meet the document under id, by its version and by another. Those
// that are given another don't look at the data.
func (d mongoDocument) wantLeft(t *testing.T, collection *mongo.Collection, store *mongostore.Store, id string) {
	t.Helper()
	const own, other = 5, 6
	record := sessionstore.Record{Data: []byte("data"), Expires: time.Now().Add(time.Hour)}
	kept := func() string {
		raw, err := collection.FindOne(t.Context(), bson.D{{Key: "_id", Value: id}}).Raw()
		if err != nil {
			t.Fatal(err)
		}
		return raw.String()
	}
	was := kept()
	want := func(method string, old sessionstore.Version, err error) {
		t.Helper()
		if !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("%s of version %d, by %d: %v, want ErrCorrupt", method, old, record.Version, err)
		}
		if is := kept(); is != was {
			t.Fatalf("%s of version %d, by %d, makes %.300s of %.300s", method, old, record.Version, is, was)
		}
	}
	_, dataToo := d.change["data"]
	for _, record.Version = range []sessionstore.Version{own, other} {
		_, err := store.Load(t.Context(), id)
		want("Load", 0, err)
		want("Create", 0, store.Create(t.Context(), id, record))
		for _, old := range []sessionstore.Version{0, own, other} {
			if old == own && d.replaced || dataToo && d.replaced {
				continue
			}
			want("Update", old, store.Update(t.Context(), id, old, record))
			want("Touch", old, store.Touch(t.Context(), id, old, record.Expires))
		}
	}
}

// wantLeftWhenOver has a document with the expiry of a session that has ended.
func (d mongoDocument) wantLeftWhenOver(t *testing.T, collection *mongo.Collection, store *mongostore.Store) {
	t.Helper()
	id := randomID()
	mongoInsert(t, collection, d.document(id, aMinuteAgo))
	if n, err := store.Prune(t.Context()); n != 0 || err != nil {
		t.Errorf("Prune where it is over: %d, %v, want 0", n, err)
	}
	if err := store.Create(t.Context(), id, sessionstore.Record{Expires: inAnHour, Version: 6}); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("Create where it is over: %v, want ErrCorrupt", err)
	}
	if err := store.Delete(t.Context(), id); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

// TestMongoDamagedThatIsOver has documents in the place of a session that have ended, and of
// which no condition tells that they are none: they are in nobody's way.
func TestMongoDamagedThatIsOver(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]bson.M{
		"a subject too long":        {"subject": strings.Repeat("s", 256)},
		"a subject with a NUL byte": {"subject": "a\x00b"},
		"the year 1":                {"expires": time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC)},
	} {
		collection := mongoCollection(t, mongoServer(t))
		store := mongoStore(t, collection)
		id, pruned := randomID(), randomID()
		over := mongoDocument{change: change}
		mongoInsert(t, collection, over.document(id, aMinuteAgo))
		for e, err := range store.Scan(t.Context()) {
			t.Errorf("%s: Scan: %q, %v", what, e.ID, err)
		}
		record := sessionstore.Record{Expires: inAnHour, Version: 6}
		_, err := store.Load(t.Context(), id)
		for method, err := range map[string]error{
			"Load": err, "Update": store.Update(t.Context(), id, 5, record), "Touch": store.Touch(t.Context(), id, 5, record.Expires),
		} {
			if !errors.Is(err, sessionstore.ErrNotFound) {
				t.Errorf("%s: %s: %v, want ErrNotFound", what, method, err)
			}
		}
		if err := store.Create(t.Context(), id, record); err != nil {
			t.Errorf("%s: Create: %v", what, err)
		}
		wantVersion(t, what, store, id, record.Version)
		mongoInsert(t, collection, over.document(pruned, aMinuteAgo))
		if n, err := store.Prune(t.Context()); n != 1 || err != nil {
			t.Errorf("%s: Prune: %d, %v, want 1", what, n, err)
		}
	}
}

// TestMongoOthersDocuments has documents of other programs, of which the collection should
// have none: they stay, and are in nobody's way.
func TestMongoOthersDocuments(t *testing.T) {
	t.Parallel()
	for _, o := range []mongostore.Options{{}, {PruneBatch: 2}} {
		for what, expires := range map[string]time.Time{"live": inAnHour, "over": aMinuteAgo} {
			collection := mongoCollection(t, mongoServer(t))
			store := mongoStoreOf(t, collection, o)
			var others []any
			for _, id := range mongoOthers {
				others = append(others, mongoDocument{}.document(id, expires))
			}
			mongoInsert(t, collection, others...)
			others = nil
			for range 250 { // more than a page
				others = append(others, bson.D{{Key: "_id", Value: bson.Symbol("s" + randomID())}, {Key: "subject", Value: "somebody"}})
			}
			mongoInsert(t, collection, others...)
			all := mongoCount(t, collection, bson.D{})

			mine, _ := createdFor(t, store, "somebody")
			mongoInsert(t, collection, mongoDocument{}.document(randomID(), aMinuteAgo))
			if n, err := store.Prune(t.Context()); n != 1 || err != nil {
				t.Errorf("%s: Prune: %d, %v, want 1", what, n, err)
			}
			for e, err := range store.Scan(t.Context()) {
				if e.ID != mine || err != nil {
					t.Errorf("%s: Scan: %q, %v", what, e.ID, err)
				}
			}
			if list, err := store.ListSubject(t.Context(), "somebody"); len(list) != 1 || list[0].ID != mine || err != nil {
				t.Errorf("%s: ListSubject: %d, %v, want 1", what, len(list), err)
			}
			if n, err := store.DeleteSubject(t.Context(), "somebody"); n != 1 || err != nil {
				t.Errorf("%s: DeleteSubject: %d, %v, want 1", what, n, err)
			}
			if n := mongoCount(t, collection, bson.D{}); n != all {
				t.Errorf("%s: %d documents after DeleteSubject, want %d", what, n, all)
			}
			created(t, store)
			if n, err := store.DeleteAll(t.Context()); n != 1 || err != nil {
				t.Errorf("%s: DeleteAll: %d, %v, want 1", what, n, err)
			}
			if n := mongoCount(t, collection, bson.D{}); n != all {
				t.Errorf("%s: %d documents after DeleteAll, want %d", what, n, all)
			}
		}
	}
}
