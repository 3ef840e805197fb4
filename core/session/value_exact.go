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
// Of others, each value is tried: an interface that has methods never comes back, a
// number in an any may come back as another one, and JSON stores nothing of a struct
// without exported fields. within are the types around t.
func exactType(t reflect.Type, within []reflect.Type) bool {
	if slices.Contains(within, t) {
		return true // it depends on its other parts
	}
	within = append(within, t)
	if encodesItself(t) {
		return false
	}
	switch t.Kind() {
	case reflect.Slice, reflect.Array, reflect.Pointer:
		return exactType(t.Elem(), within)
	case reflect.Map:
		return exactType(t.Key(), within) && exactType(t.Elem(), within)
	case reflect.Struct:
		for f := range t.Fields() {
			switch {
			case !isEncoded(f):
			case !f.IsExported() && f.Type.Kind() == reflect.Pointer, !exactType(f.Type, within): // JSON can't set the pointer
				return false
			}
		}
		return t.NumField() == 0 || hasEncoded(t)
	case reflect.Interface, reflect.Chan, reflect.Func, reflect.UnsafePointer, reflect.Complex64, reflect.Complex128:
		return false
	default:
		return true
	}
}

// encodesItself reports whether t, or a pointer to it, has a method that encodes it.
func encodesItself(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return p.Implements(reflect.TypeFor[json.Marshaler]()) || p.Implements(reflect.TypeFor[encoding.TextMarshaler]())
}

// isEncoded reports whether JSON looks at a field: it is exported, or an embedded struct
// that may have such fields.
func isEncoded(f reflect.StructField) bool {
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	return f.IsExported() || f.Anonymous && t.Kind() == reflect.Struct
}

func hasEncoded(t reflect.Type) bool {
	for f := range t.Fields() {
		if isEncoded(f) {
			return true
		}
	}
	return false
}

// unencoded returns the type of a struct in v that is not zero and of which JSON stores
// nothing, because it has no exported field, or nil. JSON has encoded v, so v has no end
// of pointers.
func unencoded(v reflect.Value) reflect.Type {
	if !v.IsValid() || encodesItself(v.Type()) {
		return nil
	}
	if v.Kind() == reflect.Struct && v.NumField() > 0 && !hasEncoded(v.Type()) && !v.IsZero() {
		return v.Type()
	}
	for _, part := range encodedParts(v) {
		if t := unencoded(part); t != nil {
			return t
		}
	}
	return nil
}

// encodedParts returns the values in v that JSON looks at.
func encodedParts(v reflect.Value) (parts []reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer, reflect.Interface:
		parts = append(parts, v.Elem())
	case reflect.Slice, reflect.Array:
		for i := 0; v.Type().Elem().Kind() != reflect.Uint8 && i < v.Len(); i++ {
			parts = append(parts, v.Index(i))
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			parts = append(parts, each.Value())
		}
	case reflect.Struct:
		for f, field := range v.Fields() {
			if isEncoded(f) && f.Tag.Get("json") != "-" {
				parts = append(parts, field)
			}
		}
	default:
	}
	return parts
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
