package origins_test

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate"
)

// describe writes a value as a pair of its type and what it holds, as peer.py does.
func describe(t *testing.T, v any) any {
	t.Helper()
	switch v := v.(type) {
	case nil:
		return []any{"null", ""}
	case bool:
		if v {
			return []any{"bool", "True"}
		}
		return []any{"bool", "False"}
	case int64:
		return []any{"int", strconv.FormatInt(v, 10)}
	case *big.Int:
		return []any{"int", v.String()}
	case float64:
		if math.IsNaN(v) {
			return []any{"float", "nan"}
		}
		return []any{"float", fmt.Sprintf("%016x", math.Float64bits(v))}
	case string:
		return []any{"text", v}
	case migrate.HTML:
		return []any{"markup", string(v)}
	case []byte:
		return []any{"bytes", hex.EncodeToString(v)}
	case migrate.UUID:
		return []any{"uuid", v.String()}
	case time.Time:
		return []any{"time", strconv.FormatInt(v.Unix(), 10)}
	case migrate.Tuple:
		return []any{"tuple", describeAll(t, v)}
	case []any:
		return []any{"list", describeAll(t, v)}
	case migrate.Values:
		return describe(t, map[string]any(v))
	case map[string]any:
		out := map[string]any{}
		for name, x := range v {
			out[name] = describe(t, x)
		}
		return []any{"dict", out}
	}
	t.Fatalf("a %T", v)
	return nil
}

func describeAll(t *testing.T, list []any) []any {
	t.Helper()
	out := make([]any, len(list))
	for i := range list {
		out[i] = describe(t, list[i])
	}
	return out
}

// sameValues compares values with a description.
func sameValues(t *testing.T, got migrate.Values, want any) {
	t.Helper()
	sameDescription(t, describe(t, got), want)
}

func sameDescription(t *testing.T, got, want any) {
	t.Helper()
	if g, w := plain(t, got), plain(t, want); !reflect.DeepEqual(g, w) {
		t.Errorf("got  %v\nwant %v", g, w)
	}
}

func plain(t *testing.T, v any) any {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var out any
	if err := json.Unmarshal(text, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// A generator makes random values.
type generator struct {
	*rand.Rand

	kinds []func(g *generator) any // of values that hold no others
	lists bool                     // whether there are tuples beside lists
}

// newGenerator returns one of the test's own; a failure names its seed.
func newGenerator(t *testing.T, kinds ...func(g *generator) any) *generator {
	t.Helper()
	seed := rand.Uint64()
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the seed was %d", seed)
		}
	})
	return &generator{Rand: rand.New(rand.NewPCG(seed, 0)), kinds: kinds}
}

func (g *generator) values() migrate.Values {
	values := migrate.Values{"user": g.text()}
	for range g.IntN(8) {
		values[g.name()] = g.value(0)
	}
	if g.IntN(4) == 0 {
		values["long"] = strings.Repeat(g.text()+" ", 100)
	}
	return values
}

func (g *generator) value(depth int) any {
	kind := g.IntN(len(g.kinds) + 3)
	if kind < len(g.kinds) || depth > 4 {
		return g.kinds[kind%len(g.kinds)](g)
	}
	switch kind - len(g.kinds) {
	case 0:
		return g.list(depth)
	case 1:
		if g.lists {
			return migrate.Tuple(g.list(depth))
		}
		return g.list(depth)
	}
	if g.IntN(3) == 0 { // such as Flask escapes
		return map[string]any{g.tag(): g.value(depth + 1)}
	}
	object := map[string]any{}
	for range g.IntN(4) {
		object[g.name()] = g.value(depth + 1)
	}
	return object
}

func (g *generator) list(depth int) []any {
	list := make([]any, g.IntN(4))
	for i := range list {
		list[i] = g.value(depth + 1)
	}
	return list
}

// name sometimes looks like a tag of Flask's.
func (g *generator) name() string {
	if g.IntN(3) == 0 {
		return g.tag()
	}
	return "k" + g.text()
}

func (g *generator) tag() string {
	tags := []string{" t", " b", " di", " d", "t", "", "cookie_", "x__"}
	return tags[g.IntN(len(tags))]
}

func (g *generator) text() string {
	var b strings.Builder
	for range g.IntN(12) {
		switch g.IntN(5) {
		case 0:
			b.WriteRune(rune(g.IntN(0x80)))
		case 1:
			b.WriteRune(rune(0xE000 + g.IntN(0x1FFE)))
		case 2:
			b.WriteRune(rune(0x10000 + g.IntN(0x100000)))
		default:
			b.WriteRune(rune('a' + g.IntN(26)))
		}
	}
	return b.String()
}

func (g *generator) null() any   { return nil }
func (g *generator) truth() any  { return g.IntN(2) == 0 }
func (g *generator) string() any { return g.text() }

// number is within what a double can hold.
func (g *generator) number() any { return g.Int64N(1<<54) - 1<<53 }

func (g *generator) long() any {
	if g.IntN(2) == 0 {
		return int64(g.Uint64())
	}
	return new(big.Int).Lsh(big.NewInt(g.Int64()|1<<62), uint(1+g.IntN(200)))
}

// fraction is no whole number, and finite.
func (g *generator) fraction() any {
	f := math.Float64frombits(g.Uint64())
	if math.IsNaN(f) || math.IsInf(f, 0) || f == math.Trunc(f) {
		return 0.5
	}
	return f
}

func (g *generator) float() any {
	known := []float64{math.NaN(), math.Inf(1), math.Inf(-1), 2, math.Copysign(0, -1), 1e16, 1e-5, 123456789012345680}
	if i := g.IntN(len(known) + 1); i < len(known) {
		return known[i]
	}
	return math.Float64frombits(g.Uint64())
}

func (g *generator) bytes() any {
	b := make([]byte, g.IntN(20))
	for i := range b {
		b[i] = byte(g.Uint32())
	}
	return b
}

func (g *generator) markup() any { return migrate.HTML("<b>" + g.text()) }

func (g *generator) uuid() any {
	var u migrate.UUID
	for i := range u {
		u[i] = byte(g.Uint32())
	}
	return u
}

// time begins with the year 1000: Python takes years of two digits for later ones.
func (g *generator) time() any {
	first, last := time.Date(1000, 1, 1, 0, 0, 0, 0, time.UTC).Unix(), time.Date(9999, 12, 31, 0, 0, 0, 0, time.UTC).Unix()
	return time.Unix(first+g.Int64N(last-first), 0).UTC()
}

// inJSON are the kinds of values that JSON has.
var inJSON = []func(g *generator) any{
	(*generator).null, (*generator).truth, (*generator).string, (*generator).number, (*generator).fraction,
}
