package session

import (
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// exactType reports whether all values of a type come back from a codec as they were.
// Of others, each value is tried: an interface that has methods never comes back, and
// a number in an any may come back as another one. within are the types around t.
func exactType(t reflect.Type, within []reflect.Type) bool {
	if slices.Contains(within, t) {
		return true // it depends on its other parts
	}
	within = append(within, t)
	p := reflect.PointerTo(t)
	if p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]()) {
		return false
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return exactType(t.Elem(), within)
	case reflect.Map:
		return exactType(t.Key(), within) && exactType(t.Elem(), within)
	case reflect.Struct:
		for f := range t.Fields() {
			if f.IsExported() && !exactType(f.Type, within) {
				return false
			}
		}
		return true
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	default:
		return true
	}
}

// emptyMap returns v, or an empty map if v is a nil one, which f could not write to.
func emptyMap[T any](v T) T {
	if r := reflect.ValueOf(&v).Elem(); r.Kind() == reflect.Map {
		r.Set(reflect.MakeMap(r.Type()))
	}
	return v
}

// decodeReason says why a value does not decode, without any part of it.
func decodeReason(err error) string {
	if wrong := new(json.UnmarshalTypeError); errors.As(err, &wrong) {
		kind, _, _ := strings.Cut(wrong.Value, " ") // a number stands behind its kind
		reason := fmt.Sprintf("%s in the place of %v", kind, wrong.Type)
		if wrong.Field != "" {
			reason += " in " + wrong.Field
		}
		return reason
	}
	if syntax := new(json.SyntaxError); errors.As(err, &syntax) {
		return fmt.Sprintf("syntax error at byte %d", syntax.Offset)
	}
	return fmt.Sprintf("%T", err)
}
