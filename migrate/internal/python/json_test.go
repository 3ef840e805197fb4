package python_test

import (
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

func TestJSONIsDecodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	huge, _ := new(big.Int).SetString("-123456789012345678901", 10)
	for text, want := range map[string]any{
		`null`: nil, ` [ ] `: []any{}, `{"a":{}}`: map[string]any{"a": map[string]any{}},
		`0`: int64(0), `-0`: int64(0), `-0.0`: math.Copysign(0, -1), `1E2`: 100.0, `-123456789012345678901`: huge,
		`[Infinity,-Infinity]`: []any{math.Inf(1), math.Inf(-1)}, `"NaN \" Infinity"`: `NaN " Infinity`,
		`{"NaN":"\\","b":"Infinity"}`: map[string]any{"NaN": `\`, "b": "Infinity"},
		`1e999`:                       math.Inf(1), `"\udc00x"`: "\ufffdx", `"\ud83e\udde5"`: "🧥",
	} {
		got, err := python.DecodeJSON([]byte(text))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %#v, %v; want %#v", text, got, err, want)
		}
	}
	v, err := python.DecodeJSON([]byte(`NaN`))
	if nan, ok := v.(float64); err != nil || !ok || !math.IsNaN(nan) {
		t.Errorf("%v, %v", v, err)
	}
	for _, text := range []string{
		``, `-`, `01`, `+1`, `nan`, `-NaN1`, `NaNNaN`, `-NaN`, `1NaN`, `NaN1`, `Infinity.`, `+Infinity`, `[1Infinity]`,
		`{NaN:1}`, `[1,]`, "\"\x00\"", "\"\xff\"", `1 2`, `'a'`, `"NaN`, `--Infinity`,
		strings.Repeat("9", 4301), strings.Repeat("[", 20000),
	} {
		if got, err := python.DecodeJSON([]byte(text)); err == nil {
			t.Errorf("%.20s: %#v", text, got)
		}
	}
	for _, text := range []string{`NaN`, `[Infinity]`} {
		if got, err := python.DecodeStrictJSON([]byte(text)); err == nil {
			t.Errorf("strictly, %s: %#v", text, got)
		}
	}
}

func TestJSONIsEncodedAsPythonDoes(t *testing.T) {
	t.Parallel()
	for want, v := range map[string]any{
		`{"a":[1,2.0,null,true],"b":{}}`:                     map[string]any{"b": map[string]any{}, "a": []any{int64(1), 2.0, nil, true}},
		`"\"\\\n\r\t\b\f\u0000\u007f\u00e9\ud83e\udde5<>&/"`: "\"\\\n\r\t\b\f\x00\x7fé🧥<>&/",
		`[1e+16,1e-05,0.0001,123456789012345.0,-0.0,5e-324,1.7976931348623157e+308]`: []any{
			1e16, 1e-5, 1e-4, 123456789012345.0, math.Copysign(0, -1), 5e-324, math.MaxFloat64,
		},
		`[NaN,Infinity,-Infinity]`: []any{math.NaN(), math.Inf(1), math.Inf(-1)},
		`-9223372036854775808`:     int64(math.MinInt64),
		`18446744073709551616`:     new(big.Int).Lsh(big.NewInt(1), 64),
	} {
		if got, err := python.EncodeJSON(v, python.Compact); err != nil || got != want {
			t.Errorf("%s, %v; want %s", got, err, want)
		}
	}
	got, err := python.EncodeJSON(map[string]any{"a": []any{int64(1), int64(2)}, "b": nil}, python.Spaced)
	if want := `{"a": [1, 2], "b": null}`; err != nil || got != want {
		t.Errorf("%s, %v; want %s", got, err, want)
	}
	for _, v := range []any{1, struct{}{}, []any{"\xff"}, map[string]any{"\xff": nil}} {
		if got, err := python.EncodeJSON(v, python.Compact); err == nil {
			t.Errorf("%#v: %s", v, got)
		}
	}
}
