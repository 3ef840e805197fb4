package migrate

import (
	"cmp"
	"context"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// Starlette reads and writes the sessions of Starlette's SessionMiddleware, which
// FastAPI has as well: JSON in a signed cookie.
type Starlette struct {
	// Keys are the secret_key, and those that it had before. The first one signs.
	Keys []string

	// Cookie has the attributes that session_cookie, path, domain, https_only and
	// same_site give it. The default name is session, the default path / .
	Cookie http.Cookie

	// MaxAge is max_age. The default is 14 days; a negative one allows any age, as
	// None does.
	MaxAge time.Duration
}

const starletteMaxAge = 14 * 24 * time.Hour

// Read returns the session in the request's cookie, as a Source does.
func (s Starlette) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(s.Cookie.Name, "session"), s.decode)
}

// Delete does nothing: the middleware keeps nothing at the server, and what a
// cookie holds can't be revoked.
func (s Starlette) Delete(context.Context, string) error { return nil }

// Expired returns the cookie that ends Starlette's, as a Source does.
func (s Starlette) Expired() *http.Cookie { return expired(s.Cookie, "session") }

// Encode returns values as the value of a cookie that Starlette accepts. They may
// hold whatever encoding/json accepts.
func (s Starlette) Encode(values Values) (string, error) {
	return s.encode(values, time.Now())
}

func (s Starlette) encode(values Values, now time.Time) (string, error) {
	plain, err := untypedJSON(map[string]any(values))
	if err == nil {
		err = checkKeys(s.Keys)
	}
	if err != nil {
		return "", fmt.Errorf("migrate: encode for Starlette: %w", err)
	}
	text, err := python.EncodeJSON(plain, python.Spaced)
	if err != nil {
		return "", fmt.Errorf("migrate: encode for Starlette: %w", err)
	}
	return itsdangerous.Signer{Keys: s.Keys}.SignAt(base64.StdEncoding.EncodeToString([]byte(text)), now), nil
}

func (s Starlette) decode(_ context.Context, value string, now time.Time) (Legacy, error) {
	return decodeSigned("Starlette's cookie", s.Keys, value, now, maxAge(s.MaxAge, starletteMaxAge))
}

// decodeSigned decodes base64 of JSON that a TimestampSigner has signed.
func decodeSigned(what string, keys []string, value string, now time.Time, age time.Duration) (Legacy, error) {
	payload, signed, err := itsdangerous.Signer{Keys: keys}.UnsignAt(value)
	if err == nil {
		err = itsdangerous.CheckAge(signed, now, age)
	}
	if err != nil {
		return Legacy{}, refused("%s: %w", what, err)
	}
	text, err := python.DecodeBase64(payload)
	if err != nil {
		return Legacy{}, refused("%s: %w", what, err)
	}
	values, err := decodeObject(text)
	if err != nil {
		return Legacy{}, refused("%s: %w", what, err)
	}
	return Legacy{Values: values, Signed: signed, Expires: expiry(signed, age), cookie: signedPart(value)}, nil
}

// signedPart returns what is signed of a cookie that has verified. Its signature can be spelled
// in several ways, for Python skips what is not base64.
func signedPart(value string) string { return value[:strings.LastIndexByte(value, '.')] }

// decodeObject decodes a JSON object as Python does.
func decodeObject(text []byte) (Values, error) {
	v, err := python.DecodeJSON(text)
	if err != nil {
		return nil, err
	}
	return dictionary(v)
}

// untypedJSON returns v in JSON's own types, and keeps the numbers that Python
// has and JSON has not.
func untypedJSON(v any) (any, error) {
	switch v := v.(type) {
	case float64:
		return v, nil
	case []any:
		out := make([]any, len(v))
		var err error
		for i := range v {
			if out[i], err = untypedJSON(v[i]); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(v))
		var err error
		for name := range v {
			if out[name], err = untypedJSON(v[name]); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return plainJSON(v)
}
