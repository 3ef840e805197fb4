package otelsession

import (
	"context"
	"errors"
	"reflect"

	"go.opentelemetry.io/otel/attribute"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// errorTypeKey and errorTypeOther are those of the semantic conventions.
const (
	errorTypeKey   = attribute.Key("error.type")
	errorTypeOther = "_OTHER"
)

// An outcome is how a call has ended.
type outcome struct {
	name      string // one of few
	errorType string // "" unless the call has failed
}

// errPanicked is the error of a call that has not returned.
var errPanicked = errors.New("otelsession: the store has panicked")

// known are the errors of the contract. A repeated call is a conflict that may be with itself.
var known = []struct {
	err    error
	name   string
	answer bool // and not a failure
}{
	{sessionstore.ErrRepeated, "repeated", false},
	{sessionstore.ErrNotFound, "not_found", true},
	{sessionstore.ErrExists, "exists", true},
	{sessionstore.ErrConflict, "conflict", true},
	{sessionstore.ErrTooLarge, "too_large", false},
	{sessionstore.ErrCorrupt, "corrupt", false},
	{sessionstore.ErrUnsupported, "unsupported", false},
	{sessionstore.ErrInvalid, "invalid", false},
}

func outcomeOf(err error) outcome {
	if err == nil {
		return outcome{name: "ok"}
	}
	for _, c := range known {
		switch {
		case !errors.Is(err, c.err):
		case c.answer:
			return outcome{name: c.name}
		default:
			return outcome{name: c.name, errorType: c.name}
		}
	}
	return outcome{name: "error", errorType: unknown(err)}
}

// unknown returns the error.type of an error after which the outcome of the call
// is unknown.
func unknown(err error) string {
	var t interface{ Timeout() bool }
	switch {
	case errors.Is(err, errPanicked):
		return "panic"
	case errors.Is(err, context.Canceled):
		return "canceled"
	case errors.As(err, &t) && t.Timeout():
		return "timeout"
	}
	if t := telling(err); t != nil {
		return t.String()
	}
	return errorTypeOther
}

// telling returns the type of the first error in err's tree that has one of its
// own: not that of every fmt.Errorf, errors.New and errors.Join.
func telling(err error) reflect.Type {
	if err == nil {
		return nil
	}
	t := reflect.TypeOf(err)
	named := t
	if t.Kind() == reflect.Pointer {
		named = t.Elem()
	}
	if pkg := named.PkgPath(); pkg != "errors" && pkg != "fmt" {
		return t
	}
	if several, ok := err.(interface{ Unwrap() []error }); ok {
		for _, err := range several.Unwrap() {
			if t := telling(err); t != nil {
				return t
			}
		}
		return nil
	}
	return telling(errors.Unwrap(err))
}
