package python

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// A Style is how JSON is laid out.
type Style struct {
	Item string // between the items of an array or object
	Key  string // between a key and its value
}

// The layouts of json.dumps: as it is by default, and as Flask asks for it.
var (
	Spaced  = Style{Item: ", ", Key: ": "}
	Compact = Style{Item: ",", Key: ":"}
)

// EncodeJSON encodes v as json.dumps does, in ASCII, with sorted keys. v consists
// of what DecodeJSON returns. It fails for text that is not UTF-8, and for other
// types.
func EncodeJSON(v any, style Style) (string, error) {
	e := encoder{style: style}
	if err := e.value(v); err != nil {
		return "", err
	}
	return e.out.String(), nil
}

type encoder struct {
	style Style
	out   strings.Builder
}

func (e *encoder) value(v any) error {
	switch v := v.(type) {
	case nil:
		e.out.WriteString("null")
	case bool:
		e.out.WriteString(strconv.FormatBool(v))
	case int64:
		e.out.WriteString(strconv.FormatInt(v, 10))
	case *big.Int:
		e.out.WriteString(v.String())
	case float64:
		e.out.WriteString(formatFloat(v))
	case string:
		return e.text(v)
	case []any:
		return e.array(v)
	case map[string]any:
		return e.object(v)
	default:
		return fmt.Errorf("JSON has no value for a %T", v)
	}
	return nil
}

func (e *encoder) array(v []any) error {
	e.out.WriteByte('[')
	for i, item := range v {
		if i > 0 {
			e.out.WriteString(e.style.Item)
		}
		if err := e.value(item); err != nil {
			return err
		}
	}
	e.out.WriteByte(']')
	return nil
}

func (e *encoder) object(v map[string]any) error {
	e.out.WriteByte('{')
	for i, key := range slices.Sorted(maps.Keys(v)) {
		if i > 0 {
			e.out.WriteString(e.style.Item)
		}
		if err := e.text(key); err != nil {
			return err
		}
		e.out.WriteString(e.style.Key)
		if err := e.value(v[key]); err != nil {
			return err
		}
	}
	e.out.WriteByte('}')
	return nil
}

func (e *encoder) text(s string) error {
	if !utf8.ValidString(s) {
		return fmt.Errorf("text is not UTF-8: %q", s)
	}
	e.out.WriteByte('"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			e.out.WriteByte('\\')
			e.out.WriteRune(r)
		case r == '\n':
			e.out.WriteString(`\n`)
		case r == '\r':
			e.out.WriteString(`\r`)
		case r == '\t':
			e.out.WriteString(`\t`)
		case r == '\b':
			e.out.WriteString(`\b`)
		case r == '\f':
			e.out.WriteString(`\f`)
		case ' ' <= r && r <= '~':
			e.out.WriteRune(r)
		case r > 0xFFFF:
			high, low := utf16.EncodeRune(r)
			fmt.Fprintf(&e.out, `\u%04x\u%04x`, high, low)
		default:
			fmt.Fprintf(&e.out, `\u%04x`, r)
		}
	}
	e.out.WriteByte('"')
	return nil
}

// formatFloat writes f as repr does: a number that has a point or an exponent, so
// that it is read as a float again.
func formatFloat(f float64) string {
	switch {
	case math.IsNaN(f):
		return "NaN"
	case math.IsInf(f, 1):
		return "Infinity"
	case math.IsInf(f, -1):
		return "-Infinity"
	}
	if size := math.Abs(f); size != 0 && (size < 1e-4 || size >= 1e16) {
		return strconv.FormatFloat(f, 'e', -1, 64)
	}
	text := strconv.FormatFloat(f, 'f', -1, 64)
	if !strings.Contains(text, ".") {
		text += ".0"
	}
	return text
}
