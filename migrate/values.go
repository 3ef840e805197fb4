package migrate

import (
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"reflect"
	"strings"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// Values are what a session of another framework holds, by name. What they are
// made of depends on the origin:
//
//   - text, truth and absence are string, bool and nil;
//   - whole numbers are int64, or *big.Int if they don't fit; others are float64;
//   - lists are []any, and dictionaries are map[string]any: keys of other kinds
//     are written as text;
//   - Flask's tuples are Tuple, bytes []byte, Markup [template.HTML], UUIDs UUID,
//     and dates [time.Time];
//   - MessagePack has []byte and [time.Time] as well;
//   - values in gob, of scs and gorilla, have the types that the application
//     registered with encoding/gob.
//
// Text that has half of a surrogate pair has U+FFFD in its place.
type Values map[string]any

// A Tuple is a Python tuple.
type Tuple []any

// HTML is Python's Markup: text that is not escaped in a template again.
type HTML = template.HTML

// A UUID is a Python UUID.
type UUID [16]byte

// String returns the UUID in its canonical form.
func (u UUID) String() string {
	h := hex.EncodeToString(u[:])
	return strings.Join([]string{h[:8], h[8:12], h[12:16], h[16:20], h[20:]}, "-")
}

// MarshalText returns the UUID in its canonical form.
func (u UUID) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Value returns the value of a name as a T, or the zero value if there is none. A
// value of another type is converted as encoding/json would, from the JSON that
// stands for it: a list into a []string, for instance, or a dictionary into a
// struct. If that does not work, the error says which value it was.
func Value[T any](values Values, name string) (T, error) {
	var to T
	v, ok := values[name]
	if !ok || v == nil {
		return to, nil
	}
	if same, ok := v.(T); ok {
		return same, nil
	}
	text, err := json.Marshal(v)
	if err == nil {
		err = json.Unmarshal(text, &to)
	}
	if err != nil {
		return to, fmt.Errorf("migrate: value %q is %T: %w", name, v, withoutValue(err))
	}
	return to, nil
}

// withoutValue keeps what a visitor has entered out of the log.
func withoutValue(err error) error {
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		kind, _, _ := strings.Cut(wrong.Value, " ") // behind "number" is which one
		return fmt.Errorf("a JSON %s is no %s", kind, wrong.Type)
	}
	return fmt.Errorf("it can't be converted (%s)", reflect.TypeOf(err))
}

// Move sets a key of the new session to the value that the old one has under
// name, see Value. If it has none, nothing is set.
func Move[T any](values Values, name string, key session.Key[T], s *session.Session) error {
	if values[name] == nil {
		return nil
	}
	v, err := Value[T](values, name)
	if err != nil {
		return err
	}
	key.Set(s, v)
	return nil
}
