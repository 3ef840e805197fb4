package sessionstore

import (
	"fmt"
	"reflect"
)

// A Wrapper is a [Store] around another one, which it measures, caches or encrypts,
// for example. It may have the methods of every capability, whatever it wraps: a
// capability counts only if the wrapped store has it too, see [As]. A capability
// whose methods the wrapper lacks is lost.
//
// Where the wrapped store lacks the capability, a method does what the package
// function of its name does with that store: [Touch] falls back, the others return
// [ErrUnsupported]. The simplest method calls that function.
type Wrapper interface {
	Store

	// Unwrap returns the wrapped store: the same one at every call, never nil.
	Unwrap() Store
}

// As returns s as a T, which is a capability such as [Toucher], and reports whether
// s has it. A [Wrapper] has a capability if it has the methods and the store that it
// wraps has the capability as well. Look for capabilities with As rather than with a
// type assertion.
func As[T Store](s Store) (T, bool) {
	t, ok := s.(T)
	if w, wraps := s.(Wrapper); ok && wraps {
		_, ok = As[T](w.Unwrap())
	}
	if !ok {
		var none T
		return none, false
	}
	return t, true
}

// unsupported returns the error of a store that is no T. It names the store that
// lacks the capability, and not the wrappers around it.
func unsupported[T Store](s Store) error {
	if w, ok := s.(Wrapper); ok {
		if _, ok := s.(T); ok {
			return unsupported[T](w.Unwrap())
		}
	}
	return fmt.Errorf("%w: %T is no %s", ErrUnsupported, s, reflect.TypeFor[T]().Name())
}
