package migrate

import (
	"cmp"
	"context"
	"net/http"
	"time"
)

// Starsessions reads the sessions of starsessions 2: those of its CookieStore or,
// if Records is set, those of its RedisStore. The serializer is JsonSerializer.
type Starsessions struct {
	// Keys are the secret_key of CookieStore, and those that it had before.
	Keys []string

	// Records are those of the RedisStore, see [Redis]. Without them, the session
	// is in the cookie.
	Records Records

	// Prefix is the RedisStore's. The default is "starsessions.".
	Prefix string

	// Cookie has the attributes that cookie_name and so on give it. The default
	// name is session, the default path / .
	Cookie http.Cookie

	// MaxAge is lifetime, which CookieStore holds its sessions to. The default is
	// 360 days, as for cookies that end with the browser's session; a
	// negative one allows any age.
	MaxAge time.Duration
}

const starsessionsMaxAge = 360 * 24 * time.Hour

// Read returns the request's session, as a Source does.
func (s Starsessions) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(s.Cookie.Name, "session"), s.decode)
}

// Delete deletes a record of the RedisStore, as a Source does.
func (s Starsessions) Delete(ctx context.Context, record string) error {
	return deleteRecord(ctx, s.Records, record)
}

// Expired returns the cookie that ends that of starsessions, as a Source does.
func (s Starsessions) Expired() *http.Cookie { return expired(s.Cookie, "session") }

func (s Starsessions) decode(ctx context.Context, value string, now time.Time) (Legacy, error) {
	if s.Records == nil {
		legacy, err := decodeSigned("the cookie of starsessions", s.Keys, value, now, maxAge(s.MaxAge, starsessionsMaxAge))
		delete(legacy.Values, "__metadata__")
		return legacy, err
	}
	key, text, err := load(ctx, s.Records, cmp.Or(s.Prefix, "starsessions."), value)
	if err != nil {
		return Legacy{}, err
	}
	values, err := decodeObject(text)
	if err != nil {
		return Legacy{}, refused("a record of starsessions: %w", err)
	}
	delete(values, "__metadata__")
	return Legacy{Values: values, Record: key}, nil
}
