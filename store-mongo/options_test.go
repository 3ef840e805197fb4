package mongostore

import (
	"strings"
	"testing"

	"go.mongodb.org/mongo-driver/v2/mongo"
	"go.mongodb.org/mongo-driver/v2/mongo/options"
)

// collection returns one of a client that has nothing to connect to.
func TestNewRefusesAMissingCollection(t *testing.T) {
	t.Parallel()
	c := collection(t, options.Client())
	for name, c := range map[string]*mongo.Collection{
		"nil":                  nil,
		"collection, no name":  c.Database().Collection(""),
		"database, no name":    c.Database().Client().Database("").Collection("sessions"),
		"neither has any name": c.Database().Client().Database("").Collection(""),
	} {
		_, err := New(c, Options{})
		if err == nil || !strings.HasPrefix(err.Error(), "mongostore: ") || !strings.Contains(err.Error(), "collection") {
			t.Errorf("%s: got error %v, want it to say what to pass", name, err)
		}
	}
}

func TestNewRefusesOptionsThatCannotBe(t *testing.T) {
	t.Parallel()
	c := collection(t, options.Client())
	for want, o := range map[string]Options{
		"MaxData is -1: want 1 to":        {MaxData: -1},
		"MaxData is 16776193: want 1 to":  {MaxData: 16<<20 - 1<<10 + 1},
		"PruneBatch is -1: want 1 to":     {PruneBatch: -1},
		"PruneBatch is 100001: want 1 to": {PruneBatch: 100_001},
	} {
		if _, err := New(c, o); err == nil || !strings.HasPrefix(err.Error(), "mongostore: "+want) {
			t.Errorf("%+v: got error %v, want %q", o, err, want)
		}
	}
	for _, o := range []Options{{}, {MaxData: 16<<20 - 1<<10, PruneBatch: 100_000}} {
		if _, err := New(c, o); err != nil {
			t.Errorf("%+v: %v", o, err)
		}
	}
}
