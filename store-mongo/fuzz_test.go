package mongostore

import (
	"errors"
	"reflect"
	"testing"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// FuzzDecode: a document is a record that can be written again, or it is damaged.
func FuzzDecode(f *testing.F) {
	for _, d := range []bson.D{
		{},
		encode(someID, record()),
		encode(someID, record())[1:],
		{{Key: versionField, Value: bson.D{{Key: versionField, Value: int64(1)}}}},
	} {
		raw, err := bson.Marshal(d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw, true)
		f.Add(raw[:len(raw)/2], false)
	}
	f.Fuzz(func(t *testing.T, raw []byte, withData bool) {
		e, err := decode(raw, withData)
		if err != nil {
			if !errors.Is(err, sessionstore.ErrCorrupt) {
				t.Errorf("%v, want ErrCorrupt", err)
			}
			return
		}
		again, err := decode(marshal(t, encode(e.ID, e.Record)), true)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Record.Data) == 0 {
			e.Record.Data, again.Record.Data = nil, nil // nil is written as none
		}
		if !reflect.DeepEqual(again, e) {
			t.Errorf("%x: %+v, then %+v", raw, e, again)
		}
	})
}
