package migrate

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

// Express reads and writes the sessions of express-session with connect-redis: a
// signed id in the cookie, and a JSON record at the server.
type Express struct {
	// Keys are the secret or secrets, as cookie-signature uses them: the first one
	// signs.
	Keys []string

	// Records are those of connect-redis, see [Redis].
	Records Records

	// Prefix is that of connect-redis. The default is "sess:".
	Prefix string

	// Cookie has the attributes that name and cookie give it. The default name is
	// connect.sid, the default path / .
	Cookie http.Cookie
}

// Read returns the request's session, as a Source does.
func (e Express) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(e.Cookie.Name, "connect.sid"), e.decode)
}

// Delete deletes a record, as a Source does.
func (e Express) Delete(ctx context.Context, record string) error {
	return deleteRecord(ctx, e.Records, record)
}

// Expired returns the cookie that ends Express's, as a Source does.
func (e Express) Expired() *http.Cookie { return expired(e.Cookie, "connect.sid") }

// Sign returns value with its signature, as cookie-signature's sign does. It panics
// without a key.
func (e Express) Sign(value string) string {
	if len(e.Keys) == 0 {
		panic("migrate: Express has no key")
	}
	return signCookie(value, e.Keys[0])
}

// Unsign returns the value that was signed, as cookie-signature's unsign does. The
// error wraps ErrRefused.
func (e Express) Unsign(signed string) (string, error) {
	if i := strings.LastIndexByte(signed, '.'); i >= 0 {
		for _, key := range e.Keys {
			if hmac.Equal([]byte(signCookie(signed[:i], key)), []byte(signed)) {
				return signed[:i], nil
			}
		}
	}
	return "", refused("Express's cookie: signature does not match")
}

func signCookie(value, key string) string {
	h := hmac.New(sha256.New, []byte(key))
	h.Write([]byte(value))
	return value + "." + base64.RawStdEncoding.EncodeToString(h.Sum(nil))
}

// Encode returns the value of the cookie for the session of an id, and the record
// that belongs under the key Prefix+id, for as long as the session is to last.
// The id is the caller's, at least 128 random bits; expires may be zero, for a
// cookie that ends with the browser's session. Values may hold whatever
// encoding/json accepts.
func (e Express) Encode(id string, values Values, expires time.Time) (cookie string, record []byte, err error) {
	if err := checkKeys(e.Keys); err != nil {
		return "", nil, fmt.Errorf("migrate: encode for Express: %w", err)
	}
	all := map[string]any{}
	for name, v := range values {
		if all[name], err = plainJSON(v); err != nil {
			return "", nil, fmt.Errorf("migrate: encode for Express: %w", err)
		}
	}
	meta := map[string]any{"originalMaxAge": nil, "expires": nil, "httpOnly": true, "path": cmp.Or(e.Cookie.Path, "/")}
	if !expires.IsZero() {
		meta["originalMaxAge"] = time.Until(expires).Milliseconds()
		meta["expires"] = expires.UTC().Format("2006-01-02T15:04:05.000Z")
	}
	all["cookie"] = meta
	text, err := python.EncodeJSON(all, python.Compact)
	if err != nil {
		return "", nil, fmt.Errorf("migrate: encode for Express: %w", err)
	}
	return strings.ReplaceAll(url.QueryEscape("s:"+e.Sign(id)), "+", "%20"), []byte(text), nil
}

func (e Express) decode(ctx context.Context, value string, now time.Time) (Legacy, error) {
	if text, err := url.PathUnescape(value); err == nil && utf8.ValidString(text) {
		value = text
	}
	signed, ok := strings.CutPrefix(value, "s:")
	if !ok {
		return Legacy{}, refused("Express's cookie: it is not signed")
	}
	id, err := e.Unsign(signed)
	if err != nil {
		return Legacy{}, err
	}
	key, text, err := load(ctx, e.Records, cmp.Or(e.Prefix, "sess:"), id)
	if err != nil {
		return Legacy{}, err
	}
	v, err := python.DecodeStrictJSON(text)
	if err != nil {
		return Legacy{}, refused("a record of Express: %w", err)
	}
	values, err := dictionary(v)
	if err != nil {
		return Legacy{}, refused("a record of Express: %w", err)
	}
	expires, err := expressExpiry(values)
	if err != nil {
		return Legacy{}, refused("a record of Express: %w", err)
	}
	if !expires.IsZero() && !now.Before(expires) {
		return Legacy{}, refused("a record of Express: it expired at %v", expires)
	}
	delete(values, "cookie")
	return Legacy{Values: values, Record: key, Expires: expires}, nil
}

// expressExpiry returns when the cookie expires according to the record, which
// touch moves on.
func expressExpiry(values Values) (time.Time, error) {
	cookie, ok := values["cookie"].(map[string]any)
	if !ok {
		return time.Time{}, errors.New("it does not describe its cookie")
	}
	text, ok := cookie["expires"].(string)
	if !ok {
		return time.Time{}, nil
	}
	expires, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return time.Time{}, errors.New("its expiry does not parse")
	}
	return expires, nil
}
