package migrate

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// FastSession reads the sessions of FastSession's middleware: a signed id in the
// cookie. What belongs to it is wherever the application's own store keeps it;
// FastSession's MemoryStore ends with its process.
type FastSession struct {
	// Keys are the secret_key, and those that it had before.
	Keys []string

	// Records are those of the application's store. Each is a JSON object: what
	// get_store returns, or that under "store", as in MemoryStore.
	Records Records

	// Prefix stands before the id in the record's key. The default is none.
	Prefix string

	// Cookie has the attributes that session_cookie and so on give it. The default
	// name is sid. FastSession sets no path: it is the folder of the page that
	// set the cookie first, / for most applications, and the default here.
	Cookie http.Cookie

	// MaxAge is max_age. The default, zero, allows any age.
	MaxAge time.Duration
}

// Read returns the request's session, as a Source does.
func (f FastSession) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(f.Cookie.Name, "sid"), f.decode)
}

// Delete deletes a record, as a Source does.
func (f FastSession) Delete(ctx context.Context, record string) error {
	return deleteRecord(ctx, f.Records, record)
}

// Expired returns the cookie that ends FastSession's, as a Source does.
func (f FastSession) Expired() *http.Cookie { return expired(f.Cookie, "sid") }

func (f FastSession) decode(ctx context.Context, value string, now time.Time) (Legacy, error) {
	id, signed, err := f.id(value, now)
	if err != nil {
		return Legacy{}, refused("FastSession's cookie: %w", err)
	}
	key, text, err := load(ctx, f.Records, f.Prefix, id)
	if err != nil {
		return Legacy{}, err
	}
	values, err := decodeObject(text)
	if err != nil {
		return Legacy{}, refused("a record of FastSession: %w", err)
	}
	if store, ok := values["store"].(map[string]any); ok && values["created_at"] != nil {
		values = store
	}
	delete(values, "__cause__") // its note on how the session began
	return Legacy{Values: values, Record: key, Signed: signed, Expires: expiry(signed, max(0, f.MaxAge))}, nil
}

// id returns the id in a cookie's value. It is signed together with the cookie's
// name.
func (f FastSession) id(value string, now time.Time) (string, time.Time, error) {
	v, signed, err := f.serializer().Loads(value, now)
	if err != nil {
		return "", time.Time{}, err
	}
	values, err := dictionary(v)
	if err != nil {
		return "", time.Time{}, err
	}
	id, err := Value[string](values, cmp.Or(f.Cookie.Name, "sid"))
	return id, signed, err
}

func (f FastSession) serializer() itsdangerous.TimedSerializer {
	return itsdangerous.TimedSerializer{Signer: itsdangerous.Signer{Keys: f.Keys}, MaxAge: f.MaxAge}
}
