package origins_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate"
)

// records are those of a server that is never down.
type records map[string]string

func (r records) Load(_ context.Context, key string) ([]byte, error) {
	record, ok := r[key]
	if !ok {
		return nil, migrate.ErrNotFound
	}
	return []byte(record), nil
}

func (r records) Delete(_ context.Context, key string) error {
	delete(r, key)
	return nil
}

func TestExpressSessionsAreReadAsExpressWroteThem(t *testing.T) {
	t.Parallel()
	p, g := nodePeer(t), newGenerator(t, inJSON...)
	for i := range many {
		want := g.values()
		var maxAge any
		if i%2 == 0 {
			maxAge = time.Hour.Milliseconds()
		}
		var made [3]string
		p.ask("write", map[string]any{"values": want, "secret": []string{key, "old"}, "maxAge": maxAge}, &made)
		cookie, name, record := made[0], made[1], made[2]
		legacy := read(t, migrate.Express{Keys: []string{"newer", key}, Records: records{name: record}}, "connect.sid", cookie)
		if sameValues(t, legacy.Values, describe(t, want)); t.Failed() {
			return
		}
		if legacy.Expires.IsZero() == (maxAge != nil) {
			t.Fatalf("expires at %v", legacy.Expires)
		}
	}
}

func TestExpressReadsWhatWasWrittenForIt(t *testing.T) {
	t.Parallel()
	p, g := nodePeer(t), newGenerator(t, inJSON...)
	for i := range many {
		values := g.values()
		var expires time.Time
		if i%2 == 0 {
			expires = time.Now().Add(time.Hour)
		}
		id := strings.ReplaceAll(g.text(), "\x00", "") + " id.+/%"
		cookie, record, err := migrate.Express{Keys: []string{key}}.Encode(id, values, expires)
		if err != nil {
			t.Fatal(err)
		}
		var got json.RawMessage
		p.ask("read", map[string]any{"cookie": cookie, "key": "sess:" + id, "record": string(record), "secret": key}, &got)
		want, err := json.Marshal(values)
		if err != nil {
			t.Fatal(err)
		}
		if sameDescription(t, got, json.RawMessage(want)); t.Failed() {
			return
		}
	}
}

func TestDamagedValuesAreUnsignedIfTheOriginalUnsignsThem(t *testing.T) {
	t.Parallel()
	p, g := nodePeer(t), newGenerator(t, inJSON...)
	e := migrate.Express{Keys: []string{key}}
	damaged := make([]string, changed)
	for i := range damaged {
		damaged[i] = e.Sign(g.text() + "id")
		if rand.IntN(10) > 0 {
			damaged[i] = g.damage(damaged[i])
		}
		damaged[i] = strings.ToValidUTF8(damaged[i], "?")
	}
	var want []bool
	p.ask("accepts", map[string]any{"values": damaged, "secret": key}, &want)
	for i, v := range damaged {
		if _, err := e.Unsign(v); (err == nil) != want[i] {
			t.Errorf("%q: the original unsigns it: %t; here: %v", v, want[i], err)
		}
	}
}
