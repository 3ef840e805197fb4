package migrate

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/mail"
	"reflect"
	"strings"
	"time"
	"unicode"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

// Flask's TaggedJSONSerializer writes a value that JSON has no type for as an
// object with one member, whose name is a tag.
const (
	tagDict   = " di" // an object whose only name would look like a tag; " b" is " b__" then
	tagTuple  = " t"
	tagBytes  = " b"
	tagMarkup = " m"
	tagUUID   = " u"
	tagDate   = " d"
)

// untag returns v with the values that tags stand for.
func untag(v any, tags map[string]func(any) (any, error)) (any, error) {
	switch v := v.(type) {
	case []any:
		return untagList(v, tags)
	case map[string]any:
		if name, value, ok := single(v); ok && strings.HasPrefix(name, " ") {
			return untagValue(name, value, tags)
		}
		return untagMembers(v, tags)
	}
	return v, nil
}

func untagList(list []any, tags map[string]func(any) (any, error)) ([]any, error) {
	var err error
	for i := range list {
		if list[i], err = untag(list[i], tags); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func untagMembers(object map[string]any, tags map[string]func(any) (any, error)) (map[string]any, error) {
	var err error
	for name := range object {
		if object[name], err = untag(object[name], tags); err != nil {
			return nil, err
		}
	}
	return object, nil
}

func untagValue(name string, value any, tags map[string]func(any) (any, error)) (any, error) {
	if own := tags[name]; own != nil {
		inner, err := untag(value, tags)
		if err != nil {
			return nil, err
		}
		return own(inner)
	}
	switch name {
	case tagDict:
		return untagDict(value, tags)
	case tagTuple:
		list, ok := value.([]any)
		if !ok {
			return nil, fmt.Errorf("tag %q holds a %T", name, value)
		}
		items, err := untagList(list, tags)
		return Tuple(items), err
	}
	text, ok := value.(string)
	if !ok {
		return nil, fmt.Errorf("tag %q is unknown, or holds a %T", name, value)
	}
	return untagText(name, text)
}

// untagDict returns an object whose name was escaped.
func untagDict(value any, tags map[string]func(any) (any, error)) (any, error) {
	object, _ := value.(map[string]any)
	escaped, inner, ok := single(object)
	name, isEscaped := strings.CutSuffix(escaped, "__")
	if !ok || !isEscaped {
		return nil, fmt.Errorf("tag %q holds no escaped name", tagDict)
	}
	inner, err := untag(inner, tags)
	return map[string]any{name: inner}, err
}

func untagText(name, text string) (any, error) {
	switch name {
	case tagBytes:
		if strings.ContainsFunc(text, func(r rune) bool { return r > unicode.MaxASCII }) {
			return nil, fmt.Errorf("tag %q holds what is not base64", name)
		}
		b, err := python.DecodeBase64(text)
		if err != nil {
			return nil, fmt.Errorf("tag %q: %w", name, err)
		}
		return b, nil
	case tagMarkup:
		return HTML(text), nil
	case tagUUID:
		return parseUUID(text)
	case tagDate:
		return parseDate(text)
	}
	return nil, fmt.Errorf("tag %q is unknown", name)
}

// parseUUID reads what the constructor of Python's UUID takes.
func parseUUID(text string) (UUID, error) {
	text = strings.NewReplacer("urn:", "", "uuid:", "").Replace(text)
	text = strings.ReplaceAll(strings.Trim(text, "{}"), "-", "")
	var u UUID
	if n, err := hex.Decode(u[:], []byte(text[:min(len(text), 32)])); err != nil || n != len(u) || len(text) != 32 {
		return UUID{}, errors.New("a UUID does not parse")
	}
	return u, nil
}

// parseDate reads the date of an HTTP header or, with other zones, of a mail.
func parseDate(text string) (time.Time, error) {
	if t, err := http.ParseTime(text); err == nil {
		return t.UTC(), nil
	}
	t, err := mail.ParseDate(text)
	if err != nil {
		return time.Time{}, errors.New("a date does not parse")
	}
	return t, nil
}

// single returns the only member of an object.
func single(object map[string]any) (name string, value any, ok bool) {
	for name, value = range object {
		return name, value, len(object) == 1
	}
	return "", nil, false
}

// tag returns v as JSON's types with tags. What is none of the types that untag
// returns becomes what encoding/json makes of it.
func tag(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, int64, float64, *big.Int:
		return v, nil
	case []any:
		return tagList(v)
	case map[string]any:
		return tagObject(v)
	case Values:
		return tagObject(v)
	case Tuple:
		items, err := tagList(v)
		return map[string]any{tagTuple: items}, err
	case []byte:
		return map[string]any{tagBytes: base64.StdEncoding.EncodeToString(v)}, nil
	case HTML:
		return map[string]any{tagMarkup: string(v)}, nil
	case UUID:
		return map[string]any{tagUUID: hex.EncodeToString(v[:])}, nil
	case time.Time:
		return tagTime(v)
	}
	plain, err := plainJSON(v)
	if err != nil {
		return nil, err
	}
	return tag(plain)
}

func tagList(list []any) ([]any, error) {
	out := make([]any, len(list))
	var err error
	for i := range list {
		if out[i], err = tag(list[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func tagObject(object map[string]any) (map[string]any, error) {
	out := make(map[string]any, len(object))
	var err error
	for name, value := range object {
		if out[name], err = tag(value); err != nil {
			return nil, err
		}
	}
	if name, value, ok := single(out); ok {
		switch name {
		case tagDict, tagTuple, tagBytes, tagMarkup, tagUUID, tagDate:
			return map[string]any{tagDict: map[string]any{name + "__": value}}, nil
		}
	}
	return out, nil
}

// tagTime writes a date. Python's begin with the year 1 and end with 9999, and
// the format has seconds.
func tagTime(t time.Time) (any, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return nil, fmt.Errorf("there is no date in the year %d in Python", t.Year())
	}
	return map[string]any{tagDate: t.Format(http.TimeFormat)}, nil
}

// plainJSON returns what encoding/json makes of v, in JSON's own types.
func plainJSON(v any) (any, error) {
	text, err := json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("a %s has no JSON: %w", reflect.TypeOf(v), err)
	}
	plain, err := python.DecodeStrictJSON(text)
	if err != nil {
		return nil, fmt.Errorf("a %s has no JSON: %w", reflect.TypeOf(v), err)
	}
	return plain, nil
}
