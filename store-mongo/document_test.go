package mongostore

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/v2/bson"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

func marshal(t *testing.T, d bson.D) bson.Raw {
	t.Helper()
	raw, err := bson.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestADocumentKeepsARecord(t *testing.T) {
	t.Parallel()
	first, last := time.UnixMilli(-1<<63), time.Unix(1<<63/1_000_000_000-1, 0)
	instant := time.Now().Add(time.Hour).Truncate(time.Second)
	for _, c := range []struct {
		name          string
		change        func(*sessionstore.Record)
		wantedExpires time.Time
	}{
		{"as it is", func(*sessionstore.Record) {}, instant},
		{"the last there is", func(r *sessionstore.Record) { r.Expires = last }, last},
		{"over, and nobody's", func(r *sessionstore.Record) { r.Expires, r.Subject = first, strings.Repeat("s", 256) }, first},
		{"empty", func(r *sessionstore.Record) { r.Data, r.Subject = nil, "" }, instant},
		{"rounded up", func(r *sessionstore.Record) { r.Expires = instant.Add(1) }, instant.Add(time.Millisecond)},
		{"exact", func(r *sessionstore.Record) { r.Expires = instant.Add(time.Millisecond) }, instant.Add(time.Millisecond)},
		{"elsewhere", func(r *sessionstore.Record) { r.Expires = instant.In(time.FixedZone("", 3600)) }, instant},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := record()
			r.Expires = instant
			c.change(&r)
			e, err := decode(marshal(t, encode(someID, r)), true)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Record
			if e.ID != someID || !bytes.Equal(got.Data, r.Data) || got.Subject != r.Subject || got.Version != r.Version {
				t.Errorf("got %+v, want %+v", e, r)
			}
			if !got.Expires.Equal(c.wantedExpires) || got.Expires.Location() != time.UTC {
				t.Errorf("expires at %v, want %v", got.Expires, c.wantedExpires)
			}
		})
	}
}

func TestDataBelongsToTheCaller(t *testing.T) {
	t.Parallel()
	raw := marshal(t, encode(someID, record()))
	e, err := decode(raw, true)
	if err != nil {
		t.Fatal(err)
	}
	clear(raw)
	if string(e.Record.Data) != "secret" {
		t.Errorf("the data is %q once the answer is gone", e.Record.Data)
	}
}

func TestAForeignDocumentIsCorrupt(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]bson.E{
		"id":                {Key: "_id", Value: 5},
		"data is text":      {Key: "data", Value: "secret"},
		"data is null":      {Key: "data", Value: nil},
		"subject":           {Key: "subject", Value: 5},
		"expires is text":   {Key: "expires", Value: "tomorrow"},
		"expires is number": {Key: "expires", Value: int64(1) << 60},
		"expires is beyond": {Key: "expires", Value: time.Unix(1<<63/1_000_000_000-1, 0).Add(time.Millisecond)},
		"expires is last":   {Key: "expires", Value: bson.DateTime(1<<63 - 1)},
		"subject is long":   {Key: "subject", Value: strings.Repeat("s", sessionstore.MaxSubjectLen+1)},
		"subject has NUL":   {Key: "subject", Value: "a\x00b"},
		"id is short":       {Key: "_id", Value: "short"},
		"id is a symbol":    {Key: "_id", Value: bson.Symbol(someID)},
		"version is double": {Key: "version", Value: 7.0},
		"version is int":    {Key: "version", Value: int32(7)},
		"version is zero":   {Key: "version", Value: int64(0)},
	} {
		d := encode(someID, record())
		for i := range d {
			if d[i].Key == change.Key {
				d[i] = change
			}
		}
		_, err := decode(marshal(t, d), true)
		if !errors.Is(err, sessionstore.ErrCorrupt) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got error %v, want %v without the data", name, err, sessionstore.ErrCorrupt)
		}
	}
	for i := range encode(someID, record()) {
		d := encode(someID, record())
		missing := d[i].Key
		if _, err := decode(marshal(t, append(d[:i], d[i+1:]...)), true); !errors.Is(err, sessionstore.ErrCorrupt) {
			t.Errorf("without %s: got error %v, want %v", missing, err, sessionstore.ErrCorrupt)
		}
	}
}
