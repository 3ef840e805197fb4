package origins_test

import (
	"encoding/gob"
	"net/http"
	"reflect"
	"testing"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/gorilla/securecookie"

	"github.com/cloakroom-go/cloakroom/migrate"
)

// An order is a type of the old application's own.
type order struct {
	Item  string
	Count int
	Notes map[string][]any
	Sent  *time.Time
	By    any
}

// goGenerator makes values that encoding/gob can write: it knows no nil in a list.
func goGenerator(t *testing.T) *generator {
	t.Helper()
	for _, v := range []any{order{}, []any{}, map[string]any{}, time.Time{}, map[int]string{}, []order{}} {
		gob.Register(v)
	}
	return newGenerator(t, (*generator).truth, (*generator).string, (*generator).number, (*generator).fraction, (*generator).bytes,
		(*generator).time, (*generator).order, (*generator).orders, (*generator).names)
}

func (g *generator) order() any {
	sent, ok := g.time().(time.Time)
	if !ok {
		return order{}
	}
	return order{g.text(), g.IntN(100), map[string][]any{g.text(): {g.text(), int64(1)}}, &sent, g.text()}
}

func (g *generator) orders() any { return []order{{Item: g.text()}, {By: order{Count: 1}}} }
func (g *generator) names() any  { return map[int]string{g.Int(): g.text(), 7: ""} }

func TestGorillaCookiesAreReadAsGorillaWroteThem(t *testing.T) {
	t.Parallel()
	g := goGenerator(t)
	for i := range many {
		codec := securecookie.New(pairs[0], pairs[1])
		if i%2 == 0 {
			codec = securecookie.New(pairs[2], nil)
		}
		values := map[any]any{}
		for name, v := range g.values() {
			values[name] = v
		}
		cookie, err := codec.MaxLength(0).Encode("shop", values)
		if err != nil {
			t.Fatal(err)
		}
		var want map[any]any
		if err := codec.Decode("shop", cookie, &want); err != nil {
			t.Fatal(err)
		}
		s := migrate.Gorilla{Keys: pairs, Cookie: http.Cookie{Name: "shop"}}
		got := read(t, s, "shop", cookie).Values
		if len(got) != len(want) {
			t.Fatalf("%v, want %v", got, want)
		}
		for name, v := range want {
			if text, _ := name.(string); !reflect.DeepEqual(got[text], v) {
				t.Fatalf("%s: %#v, want %#v", name, got[text], v)
			}
		}
	}
}

func TestDamagedGorillaCookiesAreReadIfGorillaReadsThem(t *testing.T) {
	t.Parallel()
	g := goGenerator(t)
	codecs := securecookie.CodecsFromPairs(pairs...)
	s := migrate.Gorilla{Keys: pairs, Cookie: http.Cookie{Name: "shop"}}
	for range changed {
		cookie, err := codecs[0].Encode("shop", map[any]any{"user": "ann"})
		if err != nil {
			t.Fatal(err)
		}
		damaged := g.damage(cookie)
		var values map[any]any
		want := securecookie.DecodeMulti("shop", damaged, &values, codecs...)
		if _, err := s.Read(bring(t, "shop", damaged)); (err == nil) != (want == nil) {
			t.Errorf("%q: the original says %v; here: %v\nof %q", damaged, want, err, cookie)
		}
	}
}

func TestSCSRecordsAreReadAsSCSWroteThem(t *testing.T) {
	t.Parallel()
	g := goGenerator(t)
	for range many {
		deadline := time.Now().Add(time.Hour)
		record, err := scs.GobCodec{}.Encode(deadline, g.values())
		if err != nil {
			t.Fatal(err)
		}
		_, want, err := scs.GobCodec{}.Decode(record)
		if err != nil {
			t.Fatal(err)
		}
		legacy := read(t, migrate.SCS{Store: scsRecord(record)}, "session", "token")
		if !legacy.Expires.Equal(deadline) || !reflect.DeepEqual(map[string]any(legacy.Values), want) {
			t.Fatalf("until %v: %#v, want %#v", legacy.Expires, legacy.Values, want)
		}
	}
}

// An scsRecord is a store with one record.
type scsRecord []byte

func (r scsRecord) Find(string) (record []byte, found bool, err error) { return r, true, nil }
func (r scsRecord) Delete(string) error                                { return nil }
