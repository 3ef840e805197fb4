package migrate

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"time"

	"github.com/cloakroom-go/cloakroom/core/sessionstore"
)

// SCS reads the sessions of scs 2: a token in the cookie, and a record in one of its
// stores.
type SCS struct {
	// Store is the store of the SessionManager, of goredisstore or pgxstore, for
	// instance.
	Store SCSStore

	// HashToken is HashTokenInStore.
	HashToken bool

	// Codec is the Codec of the SessionManager. The default is encoding/gob, as it
	// is there; the application registers with it the types of its own, under
	// the names that they had.
	Codec SCSCodec

	// Cookie has the attributes of SessionManager.Cookie. The default name is
	// session, the default path / .
	Cookie http.Cookie
}

// An SCSStore is what SCS needs of a store. All stores of scs are one. If a store
// has FindCtx and DeleteCtx as well, these are called.
type SCSStore interface {
	// Find returns the record of a token, and whether there is one.
	Find(token string) (data []byte, found bool, err error)

	// Delete deletes it. It is no error if there is none.
	Delete(token string) error
}

// An SCSCodec is what SCS needs of a codec. All codecs of scs are one.
type SCSCodec interface {
	// Decode returns what a record says: when the session ends, and its values.
	Decode(data []byte) (deadline time.Time, values map[string]any, err error)
}

// Read returns the request's session, as a Source does.
func (s SCS) Read(r *http.Request) (Legacy, error) {
	return read(r, cmp.Or(s.Cookie.Name, "session"), s.decode)
}

// Delete deletes a record, as a Source does.
func (s SCS) Delete(ctx context.Context, record string) error {
	if store, ok := s.Store.(interface {
		DeleteCtx(ctx context.Context, token string) error
	}); ok {
		return store.DeleteCtx(ctx, record)
	}
	_, err := sessionstore.Await(ctx, func() (struct{}, error) { return struct{}{}, s.Store.Delete(record) })
	return err
}

// Expired returns the cookie that ends that of scs, as a Source does.
func (s SCS) Expired() *http.Cookie { return expired(s.Cookie, "session") }

func (s SCS) decode(ctx context.Context, token string, now time.Time) (Legacy, error) {
	if s.HashToken {
		sum := sha256.Sum256([]byte(token))
		token = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	_, record, err := load(ctx, scsRecords{s.Store}, "", token)
	if err != nil {
		return Legacy{}, err
	}
	codec := s.Codec
	if codec == nil {
		codec = scsGob{}
	}
	deadline, values, err := codec.Decode(record)
	if err != nil {
		return Legacy{}, refused("a record of scs: %w", err)
	}
	if !now.Before(deadline) {
		return Legacy{}, refused("a record of scs: it expired at %v", deadline)
	}
	return Legacy{Values: values, Record: token, Expires: deadline}, nil
}

// scsRecords reads from a store of scs.
type scsRecords struct{ store SCSStore }

func (r scsRecords) Load(ctx context.Context, token string) ([]byte, error) {
	found := func(record []byte, found bool, err error) ([]byte, error) {
		if err == nil && !found {
			err = ErrNotFound
		}
		return record, err
	}
	if store, ok := r.store.(interface {
		FindCtx(ctx context.Context, token string) ([]byte, bool, error)
	}); ok {
		return found(store.FindCtx(ctx, token))
	}
	return sessionstore.Await(ctx, func() ([]byte, error) { return found(r.store.Find(token)) })
}

func (r scsRecords) Delete(context.Context, string) error { return nil }

// scsGob decodes what scs.GobCodec encodes.
type scsGob struct{}

func (scsGob) Decode(record []byte) (time.Time, map[string]any, error) {
	to := struct {
		Deadline time.Time
		Values   map[string]any
	}{Values: map[string]any{}}
	if err := decodeGob(record, &to); err != nil {
		return time.Time{}, nil, fmt.Errorf("it does not decode: %w", err)
	}
	return to.Deadline, to.Values, nil
}
