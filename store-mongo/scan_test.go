package mongostore

import (
	"errors"
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/drivertest"
	"go.mongodb.org/mongo-driver/v2/x/mongo/driver/xoptions"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// answers returns a store whose server answers one command with these documents.
func answers(t *testing.T, documents ...bson.D) *Store {
	t.Helper()
	o := options.Client()
	server := drivertest.NewMockDeployment(bson.D{{Key: "ok", Value: 1}, {Key: "cursor", Value: bson.D{
		{Key: "id", Value: int64(0)}, {Key: "ns", Value: "shop.sessions"}, {Key: "firstBatch", Value: documents},
	}}})
	if err := xoptions.SetInternalClientOptions(o, "deployment", server); err != nil {
		t.Fatal(err)
	}
	return open(t, o)
}

// MongoDB compares a symbol like a string: it may be among the documents that Scan pages
// through and that Load finds.
func TestASymbolIsNoSessionsId(t *testing.T) {
	t.Parallel()
	symbol, damaged := encode(someID, record()), encode(strings.Repeat("B", sessionstore.IDLen), record())
	symbol[0].Value = bson.Symbol(someID)
	damaged[1].Value = "text"
	page := []bson.D{symbol, damaged, encode(someID, record())}
	var ids []string
	var errs []error
	for e, err := range answers(t, page...).Scan(t.Context()) {
		ids, errs = append(ids, e.ID), append(errs, err)
	}
	if len(ids) != 2 || ids[0] == someID || !errors.Is(errs[0], sessionstore.ErrCorrupt) || ids[1] != someID || errs[1] != nil {
		t.Errorf("Scan: %v with %v, want the second with ErrCorrupt, and the third", ids, errs)
	}
	list, err := answers(t, page...).ListSubject(t.Context(), "alice")
	if len(list) != 1 || list[0].ID != someID || !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("ListSubject: %v, %v, want the third, and ErrCorrupt", list, err)
	}
	if list, err := answers(t, symbol).ListSubject(t.Context(), "alice"); len(list) != 0 || err != nil {
		t.Errorf("ListSubject with a symbol alone: %v, %v", list, err)
	}
	if _, err := answers(t, symbol).Load(t.Context(), someID); !errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("Load: %v, want ErrCorrupt", err)
	}
}

// What has no _id comes from no collection.
func TestADocumentWithoutIdIsDamage(t *testing.T) {
	t.Parallel()
	if list, err := answers(t, encode(someID, record())[1:]).ListSubject(t.Context(), "alice"); len(list) != 0 ||
		!errors.Is(err, sessionstore.ErrCorrupt) {
		t.Errorf("ListSubject: %v, %v, want ErrCorrupt", list, err)
	}
}
