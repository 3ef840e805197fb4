package migrate

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// Flask reads and writes the sessions that Flask keeps in a signed cookie, its
// default (SecureCookieSessionInterface).
type Flask struct {
	// Keys are SECRET_KEY, and then SECRET_KEY_FALLBACKS. The first one signs.
	Keys []string

	// Cookie has the attributes that the SESSION_COOKIE_ settings give it. The
	// default name is session, the default path / .
	Cookie http.Cookie

	// MaxAge is PERMANENT_SESSION_LIFETIME, which Flask holds all of its sessions
	// to. The default is 31 days; a negative one allows any age.
	MaxAge time.Duration

	// Tags decode values of the application's own, which it has registered with
	// TaggedJSONSerializer, by the tag's key, " od" for instance. Values with other
	// tags than these and Flask's are refused.
	Tags map[string]func(value any) (any, error)
}

const flaskMaxAge = 31 * 24 * time.Hour

// Read returns the session in the request's cookie, as a Source does.
func (f Flask) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(f.Cookie.Name, "session"), f.decode)
}

// Delete does nothing: Flask keeps nothing at the server, and what a cookie
// holds can't be revoked.
func (f Flask) Delete(context.Context, string) error { return nil }

// Expired returns the cookie that ends Flask's, as a Source does.
func (f Flask) Expired() *http.Cookie { return expired(f.Cookie, "session") }

// Encode returns values as the value of a cookie that Flask accepts. Beside what
// Read returns, they may hold whatever encoding/json accepts. A value without
// a place in Flask's format is an error.
func (f Flask) Encode(values Values) (string, error) {
	return f.encode(values, time.Now())
}

func (f Flask) encode(values Values, now time.Time) (string, error) {
	tagged, err := tag(map[string]any(values))
	if err == nil {
		err = checkKeys(f.Keys)
	}
	if err != nil {
		return "", fmt.Errorf("migrate: encode for Flask: %w", err)
	}
	cookie, err := f.serializer().Dumps(tagged, now)
	if err != nil {
		return "", fmt.Errorf("migrate: encode for Flask: %w", err)
	}
	return cookie, nil
}

func (f Flask) decode(_ context.Context, value string, now time.Time) (Legacy, error) {
	v, signed, err := f.serializer().Loads(value, now)
	if err == nil {
		v, err = untag(v, f.Tags)
	}
	if err != nil {
		return Legacy{}, refused("Flask's cookie: %w", err)
	}
	values, err := dictionary(v)
	if err != nil {
		return Legacy{}, refused("Flask's cookie: %w", err)
	}
	return Legacy{
		Values: values, Signed: signed, Expires: expiry(signed, maxAge(f.MaxAge, flaskMaxAge)), cookie: signedPart(value),
	}, nil
}

func (f Flask) serializer() itsdangerous.TimedSerializer {
	return itsdangerous.TimedSerializer{
		Signer: itsdangerous.Signer{Keys: f.Keys, Salt: "cookie-session", Derivation: itsdangerous.HMAC},
		MaxAge: maxAge(f.MaxAge, flaskMaxAge),
	}
}

// dictionary returns the values of what has to be one.
func dictionary(v any) (Values, error) {
	values, ok := v.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("it holds a %T and no dictionary", v)
	}
	return values, nil
}

// expiry returns when a session ends that was signed then; never is zero.
func expiry(signed time.Time, maxAge time.Duration) time.Time {
	if maxAge == 0 {
		return time.Time{}
	}
	return signed.Add(maxAge)
}
