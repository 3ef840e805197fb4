package session

import (
	"bytes"
	"encoding/json"
	"errors"
)

// A Codec turns the values of a session into bytes and back. It is safe for
// concurrent use.
//
// Values are encoded when they are set and decoded when they are got, so nothing is
// shared between requests by mistake. All processes that share a store use the same
// codec. A value that the codec can't decode reads as absent, and is logged. A codec
// decodes data, never code: formats that construct types by name have no place here
// (CVE-2020-9484).
type Codec interface {
	// Marshal returns v encoded. Equal values are encoded equally: Key.Update takes a
	// result that is encoded as before for no change. Nobody changes the result
	// afterwards.
	Marshal(v any) ([]byte, error)

	// Unmarshal decodes data into what v points to, and keeps nothing of data.
	Unmarshal(data []byte, v any) error
}

// JSON is the default [Codec]: encoding/json. It can be read in any language
// and by a person who looks into the store.
var JSON Codec = jsonCodec{} //nolint:gochecknoglobals // stateless

type jsonCodec struct{}

func (jsonCodec) Marshal(v any) ([]byte, error) {
	data, err := json.Marshal(v)
	if err == nil && replaced(data) {
		err = errNotUTF8
	}
	return data, err
}

var errNotUTF8 = errors.New("text is not UTF-8; use []byte")

// replaced reports whether encoding/json has put replacement characters in the place
// of what is not UTF-8: it writes these as an escape, and others as they are.
func replaced(data []byte) bool {
	for rest := data; ; {
		i := bytes.Index(rest, []byte(`\ufffd`))
		if i < 0 {
			return false
		}
		backslashes := i
		for backslashes > 0 && rest[backslashes-1] == '\\' {
			backslashes--
		}
		if (i-backslashes)%2 == 0 {
			return true
		}
		rest = rest[i+1:]
	}
}

func (jsonCodec) Unmarshal(data []byte, v any) error {
	switch v := v.(type) {
	case *string:
		if isPlain(data) {
			*v = string(data[1 : len(data)-1])
			return nil
		}
	case *int:
		if n, ok := plainNumber(data); ok {
			*v = n
			return nil
		}
	}
	return json.Unmarshal(data, v) //nolint:wrapcheck // wrapped by the caller
}

// plainNumber returns the number in data if it has at most nine digits and nothing else, as
// most have that count something.
func plainNumber(data []byte) (n int, ok bool) {
	if len(data) == 0 || len(data) > 9 || data[0] == '0' && len(data) > 1 {
		return 0, false
	}
	for _, c := range data {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = 10*n + int(c-'0')
	}
	return n, true
}

// isPlain reports whether data is a string of printable ASCII without escapes, as most
// are: there is nothing to decode in it.
func isPlain(data []byte) bool {
	if len(data) < 2 || data[0] != '"' || data[len(data)-1] != '"' {
		return false
	}
	for _, c := range data[1 : len(data)-1] {
		if c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}
