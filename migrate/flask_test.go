package migrate

import (
	"encoding/base64"
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// flaskCookie signs JSON as Flask would.
func flaskCookie(tb testing.TB, f Flask, text string) string {
	tb.Helper()
	payload := strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(base64.StdEncoding.EncodeToString([]byte(text)))
	return f.serializer().Signer.SignAt(payload, time.Now())
}

func TestFlaskReadsWhatItHasWritten(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("123456789012345678901234567890", 10)
	want := Values{
		"nothing": nil, "yes": true, "text": "grüße 🧥 \"<&>\" \u2028\x00", "n": int64(-42), "huge": huge,
		"f": 2.0, "tiny": 1e-7, "big": 1e22, "inf": math.Inf(-1),
		"list": []any{int64(1), []any{}, map[string]any{}}, "tuple": Tuple{int64(1), Tuple{"x"}, Tuple{}},
		"bytes": []byte{0, 255, 16}, "empty": []byte{}, "html": HTML("<b>&</b>"), "id": UUID{0x3f, 1, 15: 0x56},
		"when":  time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC),
		"early": time.Date(1, 1, 1, 0, 0, 0, 0, time.UTC), "late": time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC),
		"escaped": map[string]any{" t": []any{int64(1)}}, "twice": map[string]any{" di": map[string]any{" b": Tuple{"x"}}},
		"plain": map[string]any{tagTuple: int64(1), "another": nil}, "long": strings.Repeat("cloakroom ", 1000),
	}
	f := Flask{Keys: []string{"k"}}
	value, err := f.Encode(want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(value, ".") || len(value) > 2000 {
		t.Errorf("a long session has %d bytes", len(value))
	}
	got, err := f.decode(t.Context(), value, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for name := range want {
		if !reflect.DeepEqual(got.Values[name], want[name]) {
			t.Errorf("%s: %#v, want %#v", name, got.Values[name], want[name])
		}
	}
}

func TestFlaskWritesWhatJSONCanSay(t *testing.T) {
	t.Parallel()
	f := Flask{Keys: []string{"k"}}
	type item struct {
		Name string `json:"name"`
		N    int
	}
	value, err := f.Encode(Values{"n": 7, "items": []item{{"a", 1}}, "small": uint8(3), "m": map[string]int{"x": 1}})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.decode(t.Context(), value, time.Now())
	want := Values{
		"n": int64(7), "items": []any{map[string]any{"name": "a", "N": int64(1)}}, "small": int64(3),
		"m": map[string]any{"x": int64(1)},
	}
	if err != nil || !reflect.DeepEqual(got.Values, want) {
		t.Errorf("%#v, %v; want %#v", got.Values, err, want)
	}
	for _, bad := range []any{make(chan int), "\xff", time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC), []any{func() {}}} {
		if _, err := f.Encode(Values{"bad": bad}); err == nil {
			t.Errorf("%T is written", bad)
		}
	}
}

func TestFlaskReadsWhatPythonAlsoTakes(t *testing.T) {
	t.Parallel()
	f := Flask{Keys: []string{"k"}}
	for text, want := range map[string]any{
		`{"v":{" u":"{3F010000-0000-0000-0000-000000000056}"}}`:        UUID{0x3f, 1, 15: 0x56},
		`{"v":{" d":"Thu, 29 Feb 2024 14:34:56 +0200"}}`:               time.Date(2024, 2, 29, 12, 34, 56, 0, time.UTC),
		`{"v":NaN,"w":"NaN","x":[Infinity,-Infinity]}`:                 math.NaN(),
		`{"v":{" b":"A P\n8Q"}}`:                                       []byte{0, 255, 16},
		`{"v":1,"v":2}`:                                                int64(2),
		`{"v":-0}`:                                                     int64(0),
		`{"v":1e999}`:                                                  math.Inf(1),
		"{\"v\" : \t\"\\u00e9\\ud83e\\udde5\"\n}":                      "é🧥",
		`{"v":{" t":[{" di":{" t__":{" t":[1]}}}]}}`:                   Tuple{map[string]any{" t": Tuple{int64(1)}}},
		`{"v":{"":1}}`:                                                 map[string]any{"": int64(1)},
		`{"v":{" m":""}}`:                                              HTML(""),
		`{"v":"\ud800"}`:                                               "\ufffd",
		`{" di":7,"v":{" di":{" x__":0}}}`:                             map[string]any{" x": int64(0)},
		`{"v":{" t":[]},"\u0000":null}`:                                Tuple{},
		`{"v":{" b":""}}`:                                              []byte{},
		`{"v":9223372036854775807}`:                                    int64(math.MaxInt64),
		`{"v":9223372036854775808}`:                                    new(big.Int).SetUint64(1 << 63),
		`{"v":{" d":"Sunday, 06-Nov-94 08:49:37 GMT"}}`:                time.Date(1994, 11, 6, 8, 49, 37, 0, time.UTC),
		`{"v":{" u":"urn:uuid:3f010000-0000-0000-0000-000000000056"}}`: UUID{0x3f, 1, 15: 0x56},
	} {
		got, err := f.decode(t.Context(), flaskCookie(t, f, text), time.Now())
		v := got.Values["v"]
		if d, ok := v.(time.Time); ok {
			v = d.UTC()
		}
		nan, _ := v.(float64)
		if err != nil || !reflect.DeepEqual(v, want) && !math.IsNaN(nan) {
			t.Errorf("%s: %#v, %v; want %#v", text, v, err, want)
		}
	}
}

func TestFlaskRefusesAndSaysWhy(t *testing.T) {
	t.Parallel()
	f := Flask{Keys: []string{"k"}}
	sign := func(text string) string { return flaskCookie(t, f, text) }
	bomb, err := f.serializer().Dumps(strings.Repeat("A", itsdangerous.MaxPayload), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	old := f.serializer().Signer.SignAt("e30", time.Now().Add(-flaskMaxAge-time.Second))
	future := f.serializer().Signer.SignAt("e30", time.Now().Add(time.Hour))
	otherKey, err := Flask{Keys: []string{"K"}}.Encode(nil)
	if err != nil {
		t.Fatal(err)
	}
	other := func(s itsdangerous.Signer) string { return s.SignAt("e30", time.Now()) }
	for name, tc := range map[string]struct{ value, why string }{
		"unknown tag":      {sign(`{"a":{" x":1}}`), `tag " x" is unknown`},
		"unknown tag text": {sign(`{"a":{" x":"y"}}`), `tag " x" is unknown`},
		"bad date":         {sign(`{"a":{" d":"yesterday"}}`), "date does not parse"},
		"bad uuid":         {sign(`{"a":{" u":"1234"}}`), "UUID does not parse"},
		"long uuid":        {sign(`{"a":{" u":"3f0100000000000000000000000000567"}}`), "UUID does not parse"},
		"bad bytes":        {sign(`{"a":{" b":"A"}}`), "base64 is incomplete"},
		"bytes of text":    {sign(`{"a":{" b":"é"}}`), "not base64"},
		"tuple of text":    {sign(`{"a":{" t":"xy"}}`), `tag " t"`},
		"bytes of number":  {sign(`{"a":{" b":7}}`), `tag " b"`},
		"bad escape":       {sign(`{"a":{" di":{" t":[1]}}}`), "no escaped name"},
		"escape of two":    {sign(`{"a":{" di":{" t__":1,"x__":2}}}`), "no escaped name"},
		"list":             {sign(`[1]`), "no dictionary"},
		"tuple":            {sign(`{" t":[1]}`), "no dictionary"},
		"text":             {sign(`"x"`), "no dictionary"},
		"not JSON":         {sign(`{"a":1`), "JSON does not parse"},
		"two values":       {sign(`{}{}`), "followed by something else"},
		"not UTF-8":        {sign("{\"a\":\"\xff\"}"), "not UTF-8"},
		"long number":      {sign(`{"a":` + strings.Repeat("9", 5000) + `}`), "digits"},
		"bomb":             {bomb, "over 1048576 bytes"},
		"no zlib":          {f.serializer().Signer.SignAt(".e30", time.Now()), "does not inflate"},
		"too old":          {old, "expired"},
		"from the future":  {future, "in the future"},
		"other key":        {otherKey, "signature"},
		"other salt":       {other(itsdangerous.Signer{Keys: f.Keys, Derivation: itsdangerous.HMAC}), "signature"},
		"other derivation": {other(itsdangerous.Signer{Keys: f.Keys, Salt: "cookie-session"}), "signature"},
		"not timed":        {f.serializer().Signer.Sign("e30"), "time is missing"},
	} {
		_, err := f.decode(t.Context(), tc.value, time.Now())
		if !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), tc.why) {
			t.Errorf("%s: %v, want %q", name, err, tc.why)
		}
	}
}

func TestFlaskTagsOfTheApplication(t *testing.T) {
	t.Parallel()
	f := Flask{Keys: []string{"k"}, Tags: map[string]func(any) (any, error){
		" od": func(v any) (any, error) { return v, nil },
		" no": func(any) (any, error) { return nil, errors.New("not today") },
	}}
	got, err := f.decode(t.Context(), flaskCookie(t, f, `{"v":{" od":[["a",{" t":[1]}]]}}`), time.Now())
	if want := []any{[]any{"a", Tuple{int64(1)}}}; err != nil || !reflect.DeepEqual(got.Values["v"], want) {
		t.Errorf("%#v, %v; want %#v", got.Values["v"], err, want)
	}
	if _, err := f.decode(t.Context(), flaskCookie(t, f, `{"v":{" no":1}}`), time.Now()); !errors.Is(err, ErrRefused) {
		t.Error(err)
	}
}

func TestKeysThatWereReplacedStillRead(t *testing.T) {
	t.Parallel()
	value, err := Flask{Keys: []string{"old"}}.Encode(Values{"a": "b"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := (Flask{Keys: []string{"new", "old"}}).decode(t.Context(), value, time.Now()); err != nil {
		t.Error(err)
	}
	if _, err := (Flask{Keys: []string{"new"}}).decode(t.Context(), value, time.Now()); !errors.Is(err, ErrRefused) {
		t.Errorf("after the old key has gone: %v", err)
	}
}

func TestAgesAreThoseOfTheFrameworkUnlessToldOtherwise(t *testing.T) {
	t.Parallel()
	now := time.Now()
	keys := []string{"k"}
	flask := func(age time.Duration) error {
		f := Flask{Keys: keys, MaxAge: age}
		value := f.serializer().Signer.SignAt("e30", now)
		_, err := f.decode(t.Context(), value, now.Add(31*24*time.Hour+time.Second))
		return err
	}
	starlette := func(age time.Duration) error {
		value := itsdangerous.Signer{Keys: keys}.SignAt("e30=", now)
		_, err := Starlette{Keys: keys, MaxAge: age}.decode(t.Context(), value, now.Add(14*24*time.Hour+time.Second))
		return err
	}
	for name, read := range map[string]func(time.Duration) error{"flask": flask, "starlette": starlette} {
		if err := read(0); !errors.Is(err, itsdangerous.ErrExpired) {
			t.Errorf("%s: by default: %v", name, err)
		}
		if err := read(-1); err != nil {
			t.Errorf("%s: without a limit: %v", name, err)
		}
		if err := read(32 * 24 * time.Hour); err != nil {
			t.Errorf("%s: with a longer one: %v", name, err)
		}
	}
}
