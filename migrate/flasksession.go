package migrate

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/msgpack"
	"github.com/cloakroom-go/cloakroom/migrate/itsdangerous"
)

// FlaskSession reads the sessions of Flask-Session 0.7 and later: an id in the
// cookie, and a record of MessagePack or JSON at the server. Records that are
// pickled, as by older versions, are refused: reading them would run what they
// contain.
type FlaskSession struct {
	// Keys are the SECRET_KEY, and those that it had before, if the ids are signed
	// (SESSION_USE_SIGNER). Without any, they are not.
	Keys []string

	// Records are those of SESSION_REDIS, for instance, see [Redis].
	Records Records

	// Prefix is SESSION_KEY_PREFIX. The default is "session:".
	Prefix string

	// Cookie has the attributes that the SESSION_COOKIE_ settings give it. The
	// default name is session, the default path / .
	Cookie http.Cookie
}

// Read returns the request's session, as a Source does.
func (f FlaskSession) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(f.Cookie.Name, "session"), f.decode)
}

// Delete deletes a record, as a Source does.
func (f FlaskSession) Delete(ctx context.Context, record string) error {
	return deleteRecord(ctx, f.Records, record)
}

// Expired returns the cookie that ends Flask-Session's, as a Source does.
func (f FlaskSession) Expired() *http.Cookie { return expired(f.Cookie, "session") }

func (f FlaskSession) decode(ctx context.Context, id string, _ time.Time) (Legacy, error) {
	if len(f.Keys) > 0 {
		var err error
		signer := itsdangerous.Signer{Keys: f.Keys, Salt: "flask-session", Derivation: itsdangerous.HMAC}
		if id, err = signer.Unsign(id); err != nil {
			return Legacy{}, refused("Flask-Session's cookie: %w", err)
		}
	}
	key, record, err := load(ctx, f.Records, cmp.Or(f.Prefix, "session:"), id)
	if err != nil {
		return Legacy{}, err
	}
	values, err := decodeRecord(record)
	if err != nil {
		return Legacy{}, refused("a record of Flask-Session: %w", err)
	}
	return Legacy{Values: values, Record: key}, nil
}

// decodeRecord decodes MessagePack or JSON, whichever it is: an object in JSON
// begins with a character that a map in MessagePack does not begin with.
func decodeRecord(record []byte) (Values, error) {
	if trimmed := bytes.TrimLeft(record, " \t\r\n"); len(trimmed) > 0 && trimmed[0] == '{' {
		return decodeObject(trimmed)
	}
	v, err := msgpack.Decode(record)
	if err != nil {
		if len(record) > 1 && record[0] == 0x80 && record[1] <= 5 {
			return nil, errors.New("it is pickled; Flask-Session 0.7 and later write it anew when they save the session")
		}
		return nil, err
	}
	return dictionary(v)
}
