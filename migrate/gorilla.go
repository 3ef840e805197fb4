package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/cloakroom-go/cloakroom/migrate/internal/python"
)

// Gorilla reads the sessions of gorilla/sessions. Those of a CookieStore are in
// the cookie; with Dir, they are those of a FilesystemStore, with Records, those
// of boj/redistore. Types of the application's own have to be registered with
// encoding/gob under the names that they had.
//
// Keys of gorilla's values are of any type. Those that are no text are written as
// fmt.Sprint writes them.
type Gorilla struct {
	// Keys are the key pairs that the store was made with: a key for
	// authentication, one for encryption or nil, and so on.
	Keys [][]byte

	// Cookie has the name of the session, which must be given, and the attributes
	// of the store's Options. The default path is / .
	Cookie http.Cookie

	// MaxAge is what the store's MaxAge was called with. The default is 30 days; a
	// negative one allows any age.
	MaxAge time.Duration

	// Hash is what the codecs' HashFunc was called with. The default is SHA-256.
	Hash func() hash.Hash

	// Dir is the folder of a FilesystemStore.
	Dir string

	// Records are those of redistore, see [Records].
	Records Records

	// Prefix is redistore's key prefix. The default is session_ .
	Prefix string

	// JSON says that redistore's serializer is JSONSerializer.
	JSON bool
}

const gorillaMaxAge = 30 * 24 * time.Hour

// Read returns the request's session, as a Source does.
func (g Gorilla) Read(r *http.Request) (Legacy, error) {
	return read(r, g.Cookie.Name, g.decode)
}

// Delete deletes a record, as a Source does.
func (g Gorilla) Delete(ctx context.Context, record string) error {
	switch {
	case g.Records != nil:
		return deleteRecord(ctx, g.Records, record)
	case g.Dir != "":
		root, err := os.OpenRoot(g.Dir)
		if err != nil {
			return fmt.Errorf("migrate: delete a record: %w", err)
		}
		defer func() { _ = root.Close() }()
		if err := root.Remove(record); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("migrate: delete a record: %w", err)
		}
	}
	return nil
}

// Expired returns the cookie that ends gorilla's, as a Source does.
func (g Gorilla) Expired() *http.Cookie { return expired(g.Cookie, "") }

func (g Gorilla) decode(ctx context.Context, value string, now time.Time) (Legacy, error) {
	if g.Records == nil && g.Dir == "" {
		var values map[any]any
		signed, err := g.open(value, now, func(b []byte) (err error) { values, err = gobValues(b); return err })
		if err != nil {
			return Legacy{}, refused("gorilla's cookie: %w", err)
		}
		return Legacy{
			Values: textKeys(values), Signed: signed, Expires: expiry(signed, maxAge(g.MaxAge, gorillaMaxAge)), cookie: macPart(value),
		}, nil
	}
	var id string
	if _, err := g.open(value, now, func(b []byte) error { return decodeGob(b, &id) }); err != nil {
		return Legacy{}, refused("gorilla's cookie: %w", err)
	}
	if g.Records != nil {
		return g.redistore(ctx, id)
	}
	return g.file(ctx, id, now)
}

// redistore returns the session of an id from redistore.
func (g Gorilla) redistore(ctx context.Context, id string) (Legacy, error) {
	key, record, err := load(ctx, g.Records, cmp.Or(g.Prefix, "session_"), id)
	if err != nil {
		return Legacy{}, err
	}
	if g.JSON {
		v, err := python.DecodeStrictJSON(record)
		if err != nil {
			return Legacy{}, refused("a record of redistore: %w", err)
		}
		values, err := dictionary(v)
		if err != nil {
			return Legacy{}, refused("a record of redistore: %w", err)
		}
		return Legacy{Values: values, Record: key}, nil
	}
	values, err := gobValues(record)
	if err != nil {
		return Legacy{}, refused("a record of redistore: %w", err)
	}
	return Legacy{Values: textKeys(values), Record: key}, nil
}

// file returns the session of an id from a FilesystemStore. Its files hold what
// its cookies would hold.
func (g Gorilla) file(ctx context.Context, id string, now time.Time) (Legacy, error) {
	name, content, err := load(ctx, folder(g.Dir), "session_", filepath.Base(id))
	if err != nil {
		return Legacy{}, err
	}
	var values map[any]any
	signed, err := g.open(string(content), now, func(b []byte) (err error) { values, err = gobValues(b); return err })
	if err != nil {
		return Legacy{}, refused("a file of gorilla: %w", err)
	}
	return Legacy{Values: textKeys(values), Record: name, Signed: signed, Expires: expiry(signed, maxAge(g.MaxAge, gorillaMaxAge))}, nil
}

// A folder holds the files of a FilesystemStore.
type folder string

func (f folder) Load(_ context.Context, name string) ([]byte, error) {
	root, err := os.OpenRoot(string(f))
	if err != nil {
		return nil, fmt.Errorf("open the folder: %w", err)
	}
	defer func() { _ = root.Close() }()
	file, err := root.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotFound
	}
	if err != nil {
		return nil, fmt.Errorf("open a file: %w", err)
	}
	defer func() { _ = file.Close() }()
	content, err := io.ReadAll(io.LimitReader(file, maxRecord+1))
	if err != nil {
		return nil, fmt.Errorf("read a file: %w", err)
	}
	return content, nil
}

func (f folder) Delete(context.Context, string) error { return nil }

// textKeys returns values by text. Two keys that look the same can't both be
// kept; the one that is text itself is.
func textKeys(values map[any]any) Values {
	out := make(Values, len(values))
	for key, v := range values {
		name, isText := key.(string)
		if !isText {
			name = fmt.Sprint(key)
			if _, ok := values[name]; ok {
				continue
			}
		}
		out[name] = v
	}
	return out
}
