package session_test

import (
	"encoding/json"
	"reflect"
	"testing"

	"github.com/cloakroom-go/cloakroom/core/session"
)

// What most sessions hold is decoded in a shorter way.
func TestJSONDecodesAsEncodingJSONDoes(t *testing.T) {
	t.Parallel()
	for _, data := range []string{
		"0", "7", "10", "123456789", "1234567890", "9223372036854775807", "9223372036854775808", "-1", "-0", "00", "01", "+1", "1.0", "1e3",
		" 1", "1 ", "1\n", "1_0", "0x1", "١", "", "-", "null", "true", "1 2",
		`""`, `"a"`, `"a b"`, `"\n"`, `"a\"b"`, "\"a\nb\"", `"é"`, "\"\xff\"", `"`, `"a`, `a"`, `"a"b"`, `"a" "b"`, ` "a"`, `[1]`, `{}`,
	} {
		for _, like := range []any{0, ""} {
			got, want := reflect.New(reflect.TypeOf(like)), reflect.New(reflect.TypeOf(like))
			err, wantErr := session.JSON.Unmarshal([]byte(data), got.Interface()), json.Unmarshal([]byte(data), want.Interface())
			if (err == nil) != (wantErr == nil) || got.Elem().Interface() != want.Elem().Interface() {
				t.Errorf("%q as %T: %v, %v, want %v, %v", data, like, got.Elem(), err, want.Elem(), wantErr)
			}
		}
	}
}
